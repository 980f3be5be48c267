package callbackserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"sync"
	"time"
)

var (
	// ErrClosed is what [Server.Wait] returns once the server has been closed.
	// It comes with the cause where the context of [Listen] ended first.
	ErrClosed = errors.New("callbackserver: server closed")

	// ErrState is what [Server.Wait] returns for a state that it cannot wait
	// for: an empty one, or one that another Wait is already waiting for.
	ErrState = errors.New(
		"callbackserver: the state is empty or already waited for; use a new random one for each sign-in")

	// ErrOtherState comes with the error of [Server.Wait] where no expected
	// answer arrived in time, but meanwhile one with a state that nobody
	// expects: the person has finished an older sign-in, in a tab that was left
	// open.
	ErrOtherState = errors.New("callbackserver: an answer of another sign-in arrived")
)

// Server receives authorization answers on one loopback port. [Listen] makes
// one; its methods are safe for concurrent use.
type Server struct {
	base        string // scheme, host and port, as a browser on this machine sees them
	redirectURI string
	answers     *answers
	end         context.CancelCauseFunc // ends the life of the server
	ended       chan struct{}           // closed when nothing of it runs any more
}

// Limits of one connection. The person's browser needs a fraction of each.
const (
	readHeaderTimeout = 5 * time.Second
	ioTimeout         = 10 * time.Second
	maxHeaderBytes    = 64 << 10
	maxBodyBytes      = 64 << 10
)

// Listen binds the port that cfg asks for and starts to serve it. When it
// returns, the port is bound; it does not wait for anything. ctx bounds the
// life of the server: when it ends, the server closes as by [Server.Close].
//
// It fails on an unusable cfg, naming every problem at once, if none of the
// ports is free, and if ctx has already ended; nothing is left running then.
func Listen(ctx context.Context, cfg Config) (*Server, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("callbackserver: not started: %w", endOf(ctx))
	}
	set, err := cfg.normalize()
	if err != nil {
		return nil, err
	}
	listeners, err := bind(ctx, set.addr, set.Ports, set.Localhost && set.addr.IsLoopback())
	if err != nil {
		return nil, err
	}

	var bound []netip.AddrPort
	for _, l := range listeners {
		bound = append(bound, l.Addr().(*net.TCPAddr).AddrPort())
	}
	life, end := context.WithCancelCause(ctx)
	s := &Server{
		base:        base(set, bound[0]),
		redirectURI: set.RedirectURI,
		answers:     newAnswers(life),
		end:         end,
		ended:       make(chan struct{}),
	}
	if s.redirectURI == "" {
		s.redirectURI = s.base + set.Path
	}
	conns := newConns()
	hs := &http.Server{
		Handler:           newHandler(set, bound, s.answers),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       ioTimeout,
		WriteTimeout:      ioTimeout,
		IdleTimeout:       ioTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         conns.state,
		ConnContext:       withConn,

		DisableGeneralOptionsHandler: true,
	}
	var accepting sync.WaitGroup
	for _, l := range listeners {
		accepting.Go(func() {
			// A listener that fails takes the server with it: nobody would
			// answer on it.
			end(hs.Serve(conns.listener(l)))
		})
	}
	context.AfterFunc(life, func() {
		defer close(s.ended)
		s.answers.letPagesOut()
		hs.Close()
		accepting.Wait()
		conns.wait()
	})
	return s, nil
}

// base returns the origin by which a browser on this machine reaches the
// server. What is bound for others too is reached on the loopback interface as
// well.
func base(set settings, bound netip.AddrPort) string {
	host, port := bound.Addr(), bound.Port()
	if !host.IsLoopback() {
		host = loopback4
	}
	if set.Localhost {
		return "http://" + net.JoinHostPort("localhost", strconv.Itoa(int(port)))
	}
	return "http://" + netip.AddrPortFrom(host, port).String()
}

// RedirectURI returns the redirect URI of this server, that of [Config] or one
// with the port in it. It is the redirect_uri of the authorization request and
// of the code exchange.
func (s *Server) RedirectURI() string { return s.redirectURI }

// Expect has the server accept an answer with this state from now on, and keep
// it for [Server.Wait]. Call it before the browser is opened. An empty state is
// ignored, and so is any state once the server is closed. An answer that nobody
// waits for is kept until Close.
func (s *Server) Expect(state string) {
	s.answers.mu.Lock()
	defer s.answers.mu.Unlock()
	s.answers.expect(state)
}

// Wait blocks until the answer with this state arrives, and returns its
// parameters, each with exactly one value; also those of an error answer
// (RFC 6749 §4.1.2.1), which is no error here. It implies [Server.Expect].
// When it returns, the state is forgotten: there is one answer per state.
//
// It returns an error that wraps the context's when ctx ends first, [ErrClosed]
// when the server is closed, either with [ErrOtherState] too where that may be
// why, and [ErrState] at once for a state that cannot be waited for.
func (s *Server) Wait(ctx context.Context, state string) (url.Values, error) {
	return s.answers.wait(ctx, state)
}

// Start returns the URL of a link at this server that redirects the first
// browser that follows it to target, and is of no use afterwards. The command
// that opens a browser can be given the link in place of an authorization URL,
// which every user of the machine could read among its arguments, state and
// all. Only the last 64 links are kept. It is for a browser on this machine, so
// not with [Config.RedirectURI], and blocks for nothing.
func (s *Server) Start(target string) string {
	return s.base + startPath + s.answers.link(target)
}

// Close stops the server: calls of Wait return [ErrClosed] at once, browsers
// that have been redirected get up to 500 ms to fetch their page, then every
// connection is closed. It returns when all goroutines have ended and the port
// can be bound again. The error is always nil; calling Close again is harmless.
func (s *Server) Close() error {
	s.end(ErrClosed)
	<-s.ended
	return nil
}
