package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/semaphore"
)

// discovered is what a Client has found out about its server. One caller at a time asks; the others wait for it, each on its own ctx.
type discovered struct {
	turn   *semaphore.Weighted
	server Server
	done   bool
	err    error     // of the last attempt
	again  time.Time // not before
	wait   time.Duration
	least  time.Duration
	most   time.Duration
}

func newDiscovered(r Refresh) discovered {
	return discovered{turn: semaphore.NewWeighted(1), least: r.MinBackOff, most: r.MaxBackOff}
}

// Server gives the endpoints of the authorization server, and discovers at the first call those that the Config left empty, if it names an Issuer. It blocks
// until that is done or ctx ends. A failure is remembered for a back-off only.
func (c *Client) Server(ctx context.Context) (Server, error) {
	if ctx == nil {
		return Server{}, errNilContext
	}
	if c.own.Issuer == "" {
		return c.own, nil
	}
	k := &c.known
	if err := k.turn.Acquire(ctx, 1); err != nil {
		return Server{}, &Error{Op: opDiscovery, cause: err}
	}
	defer k.turn.Release(1)
	switch {
	case k.done:
		return k.server, nil
	case k.err != nil && clockNow().Before(k.again):
		return Server{}, k.err
	}
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	found, err := discover(limited, c.own.Issuer, c.wire.Transport, c.insecure)
	if err != nil {
		if ctx.Err() == nil {
			k.wait = min(max(k.least, 2*k.wait), k.most)
			k.err, k.again = err, clockNow().Add(k.wait)
		}
		return Server{}, err
	}
	k.server, k.done, k.err = found.fill(c.own), true, nil
	return k.server, nil
}

// tokenEndpoint gives where a token request goes, and refuses one that the metadata says the server can't answer.
func (c *Client) tokenEndpoint(ctx context.Context, op string) (string, error) {
	if c.own.RefreshURL != "" && op == opRefresh {
		return c.own.RefreshURL, nil
	}
	if c.own.TokenURL != "" {
		return c.own.TokenURL, nil
	}
	s, err := c.Server(ctx)
	if err != nil {
		return "", err
	}
	if s.TokenURL == "" {
		return "", refuse(op, "the server's metadata has no token_endpoint: %w", errors.ErrUnsupported)
	}
	if err := c.capable(s, op); err != nil {
		return "", err
	}
	if op == opRefresh && s.RefreshURL != "" {
		return s.RefreshURL, nil
	}
	return s.TokenURL, nil
}

// capable says what the metadata says that the server can't do. Many servers forget to list refresh_token: that one is tried.
func (c *Client) capable(s Server, grantType string) error {
	if ok := s.supports(metaGrantTypes, grantType); !ok && grantType != opRefresh {
		return refuse(grantType, "the server does not offer this grant (%s): %w", metaGrantTypes, errors.ErrUnsupported)
	}
	if method := authMethod(c.auth); method != "" && !s.supports(metaAuthMethods, method) {
		return refuse(grantType, "the server does not take the client authentication method %s (%s): %w", method, metaAuthMethods, errors.ErrUnsupported)
	}
	return nil
}

// authMethod is the name in metadata of how a client authenticates; empty: not known.
func authMethod(auth ClientAuth) string {
	switch a := auth.(type) {
	case interface{ method() string }:
		return a.method()
	case interface{ AuthMethod() string }: // package clientassertion, and a user's own
		return a.AuthMethod()
	}
	return ""
}

// endpointOf gives one of the server's endpoints, discovered if need be.
func (c *Client) endpointOf(ctx context.Context, op string, pick func(Server) string) (string, Server, error) {
	if to := pick(c.own); to != "" {
		return to, c.own, nil
	}
	s, err := c.Server(ctx)
	if err != nil {
		return "", s, err
	}
	if to := pick(s); to != "" {
		return to, s, nil
	}
	return "", s, fmt.Errorf("oauth2grant: %s: the server has no such endpoint: %w", op, errors.ErrUnsupported)
}
