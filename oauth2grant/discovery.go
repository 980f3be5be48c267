package oauth2grant

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

// Discover fetches the metadata of an authorization server: where RFC 8414 has
// it, then where OpenID Connect Discovery does, then below the issuer's path.
// It blocks until the server has answered, ctx ends, or 30 s have passed. hc,
// nil for a default, is not modified; its RoundTripper is used. The issuer in
// the document must be the one asked for, and an endpoint in it that is not
// acceptable is left out. The error is an [*Error].
func Discover(ctx context.Context, issuer string, hc *http.Client) (Server, error) {
	if ctx == nil {
		return Server{}, errNilContext
	}
	ctx, cancel := context.WithTimeout(ctx, Refresh{}.withDefaults().Timeout)
	defer cancel()
	t := (&Config{Server: Server{Issuer: issuer}, HTTPClient: hc}).transport()
	defer t.closeIdle()
	return discover(ctx, issuer, t.RoundTripper, t.guard, false)
}

// discover asks through rt, of which g is the guard.
func discover(
	ctx context.Context, issuer string, rt http.RoundTripper, g *guard, insecure bool,
) (Server, error) {
	base, err := checkURL(issuer, insecure)
	if err != nil {
		return Server{}, refuse(OpDiscovery, "the issuer %w", err)
	}
	hc := &http.Client{Transport: rt, CheckRedirect: sameOriginOnly}
	read := func(document []byte) (Server, error) { return readMetadata(document, issuer, base, g, insecure) }
	var failures []attempt
	for _, location := range wellKnown(base) {
		s, failure := fetchMetadata(ctx, hc, location, read)
		if failure == nil {
			return s, nil
		}
		failures = append(failures, attempt{strings.TrimPrefix(location, base.Scheme+"://"+base.Host), failure})
		if ctx.Err() != nil {
			break
		}
	}
	return Server{}, summarize(failures).at(issuer)
}

// wellKnown returns the places of RFC 8414 §3 and OpenID Connect Discovery §4,
// and the one that some servers take RFC 8414 to mean.
func wellKnown(issuer *url.URL) []string {
	path := strings.TrimSuffix(issuer.EscapedPath(), "/")
	origin := issuer.Scheme + "://" + issuer.Host
	places := []string{
		origin + "/.well-known/oauth-authorization-server" + path,
		origin + path + "/.well-known/openid-configuration",
	}
	if path != "" {
		places = append(places, origin+path+"/.well-known/oauth-authorization-server")
	}
	return places
}

func sameOriginOnly(req *http.Request, via []*http.Request) error {
	if len(via) >= 5 {
		return errors.New("too many redirects")
	}
	if origin(req.URL) != origin(via[0].URL) {
		return wire.Redirect(req.URL)
	}
	return nil
}

var errNoMetadata = errors.New("no metadata there")

func fetchMetadata(
	ctx context.Context, hc *http.Client, location string, read func(document []byte) (Server, error),
) (Server, *Error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return Server{}, refuse(OpDiscovery, "the issuer is not a usable URL")
	}
	req.Header.Set("Accept", "application/json")
	answer, failure := wire.Do(hc, req)
	if failure != nil {
		return Server{}, failed(OpDiscovery, "", failure)
	}
	if answer.Status != http.StatusOK {
		failure := wire.ReadFailure(answer)
		e := failed(OpDiscovery, "", failure)
		if !e.coded() && !e.said {
			e.Description, e.cause = "", errNoMetadata
		}
		return Server{}, e
	}
	s, err := read(answer.Body)
	if err != nil {
		e, _ := errors.AsType[*Error](err)
		e.StatusCode = answer.Status
		return Server{}, e
	}
	return s, nil
}

// attempt is one place where there was no metadata that can be used.
type attempt struct {
	path string
	err  *Error
}

// summarize makes one error of all attempts. What may pass by itself decides
// what it counts as, so that a document missing at another place is no refusal.
func summarize(failures []attempt) *Error {
	rank := func(a attempt) int {
		switch {
		case IsTransient(a.err):
			return 0
		case a.err.refused:
			return 1
		}
		return 2
	}
	best := slices.MinFunc(failures, func(a, b attempt) int { return rank(a) - rank(b) })
	var texts []string
	for i, f := range failures {
		why := f.err.reason()
		if i+1 < len(failures) && failures[i+1].err.reason() == why {
			texts = append(texts, f.path) // with the reason of the next
			continue
		}
		texts = append(texts, f.path+": "+why)
	}
	e := *best.err
	e.summary = strings.Join(texts, "; ")
	return &e
}

// discovered is what a Client has found out about its server. One caller at a
// time asks; the others wait for it, each on its own ctx.
type discovered struct {
	turn *semaphore.Weighted // guards the fields below

	server Server
	done   bool
	err    error     // of the last attempt
	again  time.Time // not before; of the monotonic clock
	wait   time.Duration
	least  time.Duration
	most   time.Duration
}

func newDiscovered(r Refresh) discovered {
	return discovered{turn: semaphore.NewWeighted(1), least: r.MinBackOff, most: r.MaxBackOff}
}

type askAnewKey struct{}

// askingAnew returns a context with which discovery is tried again, though the
// last failure is not forgotten yet: for a call that a user makes explicitly.
func askingAnew(ctx context.Context) context.Context {
	return context.WithValue(ctx, askAnewKey{}, true)
}

// Server returns the endpoints of the authorization server, and discovers at
// the first call those that the Config left empty, if it names an Issuer. It
// blocks until that is done or ctx ends. A failure is remembered for a back-off
// only.
func (c *Client) Server(ctx context.Context) (Server, error) {
	if ctx == nil {
		return Server{}, errNilContext
	}
	if c.own.Issuer == "" {
		return c.own, nil
	}
	began := time.Now()
	s, asked, err := c.discover(ctx)
	if asked {
		logDiscovery(ctx, c.own.Issuer, time.Since(began), err)
	}
	return s, err
}

// discover returns what is known of the server, and asks it if nothing is.
func (c *Client) discover(ctx context.Context) (s Server, asked bool, err error) {
	k := &c.known
	if err := k.turn.Acquire(ctx, 1); err != nil {
		return Server{}, false, (&Error{Op: OpDiscovery, cause: err}).at(c.own.Issuer)
	}
	defer k.turn.Release(1)
	switch {
	case k.done:
		return k.server, false, nil
	case k.err != nil && time.Now().Before(k.again) && ctx.Value(askAnewKey{}) == nil:
		return Server{}, false, k.err
	}
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	found, err := discover(limited, c.own.Issuer, c.wire.Transport, c.guard, c.insecure)
	if err != nil {
		if ctx.Err() == nil {
			k.wait = min(max(k.least, 2*k.wait), k.most)
			k.err, k.again = err, time.Now().Add(k.wait)
		}
		return Server{}, true, err
	}
	k.server, k.done, k.err = found.fill(c.own), true, nil
	c.guard.watch(k.server)
	return k.server, true, nil
}

// tokenEndpoint returns where a token request goes, and refuses one that the
// metadata says the server cannot answer.
func (c *Client) tokenEndpoint(ctx context.Context, op string) (string, error) {
	switch {
	case op == OpRefresh && c.own.NoRefresh:
		return "", refuse(op, "Server.NoRefresh says that the server refreshes no token: %w", errors.ErrUnsupported)
	case op == OpRefresh && c.own.RefreshURL != "":
		return c.own.RefreshURL, nil
	case c.own.TokenURL != "":
		return c.own.TokenURL, nil
	}
	to, s, err := c.endpointOf(ctx, op, func(s Server) string { return s.TokenURL })
	if err != nil {
		return "", err
	}
	return to, c.capable(s, op)
}

// capable returns an error for what the metadata says that the server cannot
// do. Many servers forget to list refresh_token: that one is tried; and a list
// does not forbid what belongs to an endpoint that the Config names.
func (c *Client) capable(s Server, grantType string) error {
	named := grantType == OpRefresh ||
		grantType == OpDeviceCode && c.own.DeviceAuthURL != "" ||
		grantType == OpAuthorizationCode && c.own.AuthURL != ""
	if !named && !s.supports(metaGrantTypes, grantType) {
		return refuse(grantType, "%s in the server's metadata does not list %s: if the server takes it all the same, "+
			"set Server.TokenURL: %w", metaGrantTypes, printable(grantType), errors.ErrUnsupported)
	}
	if method := authMethod(c.auth); method != "" && !s.supports(metaAuthMethods, method) {
		return refuse(grantType, "%s in the server's metadata does not list %s: "+
			"use another ClientAuth or, if the server takes it all the same, set Server.TokenURL: %w",
			metaAuthMethods, printable(method), errors.ErrUnsupported)
	}
	return nil
}

// authMethod is the name in metadata of how a client authenticates; empty: not
// known.
func authMethod(auth ClientAuth) string {
	switch a := auth.(type) {
	case interface{ method() string }:
		return a.method()
	case interface{ AuthMethod() string }: // package clientassertion, and a user's own
		return a.AuthMethod()
	}
	return ""
}

// endpointOf returns one of the server's endpoints, discovered if need be.
func (c *Client) endpointOf(
	ctx context.Context, op string, pick func(Server) string,
) (string, Server, error) {
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
	return "", s, s.missing(op, endpointPicked(pick))
}
