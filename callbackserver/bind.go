package callbackserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
)

// ErrPortTaken is what [Listen] returns, wrapped, where another program has one
// of the ports that may be bound, and no other is free. The person can end that
// program; its author can register more redirect URIs and add to
// [Config.Ports].
var ErrPortTaken = errors.New("callbackserver: the port is taken by another program")

// bind listens on the first free port of ports.
func bind(ctx context.Context, addr netip.Addr, ports []int, both bool) ([]*net.TCPListener, error) {
	var errs []error
	for _, port := range ports {
		listeners, err := bindPort(ctx, addr, port, both)
		if err == nil {
			return listeners, nil
		}
		errs = append(errs, err)
	}
	all := errors.Join(errs...)
	if slices.ContainsFunc(errs, isTaken) {
		return nil, fmt.Errorf("%w: end it, or name another port: %w", ErrPortTaken, all)
	}
	return nil, fmt.Errorf("callbackserver: none of the ports could be bound: %w", all)
}

// isTaken reports whether err says that a port is in use.
func isTaken(err error) bool {
	const windows = syscall.Errno(10048) // WSAEADDRINUSE, which is not syscall.EADDRINUSE there
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, windows)
}

// pairAttempts bounds the search for a port that is free on both families.
const pairAttempts = 16

// bindPort listens on one port, with both on either loopback address. A port
// that somebody else has on the other address does not count as free: the
// browser might take the answer there.
func bindPort(ctx context.Context, addr netip.Addr, port int, both bool) ([]*net.TCPListener, error) {
	other := loopback6
	if addr == loopback6 {
		other = loopback4
	}
	both = both && available(ctx, other)

	var lastErr error
	for range pairAttempts {
		first, err := listenTCP(ctx, addr, port)
		if err != nil {
			return nil, err
		}
		if !both {
			return []*net.TCPListener{first}, nil
		}
		second, err := listenTCP(ctx, other, first.Addr().(*net.TCPAddr).Port)
		if err == nil {
			return []*net.TCPListener{first, second}, nil
		}
		first.Close()
		lastErr = err
		if port != 0 {
			break
		}
	}
	return nil, lastErr
}

func available(ctx context.Context, addr netip.Addr) bool {
	l, err := listenTCP(ctx, addr, 0)
	if err != nil {
		return false
	}
	l.Close()
	return true
}

func listenTCP(ctx context.Context, addr netip.Addr, port int) (*net.TCPListener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(addr.String(), strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}
