package oauth2grant

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

var errNeedsProof = errors.New("oauth2grant: a proof of possession covers the whole request: use Authorize or Transport")

// Transport gives a RoundTripper that puts the token on requests, over base, nil for http.DefaultTransport. It waits for the token on the request's context.
// A token goes to the origin that the caller's request was made for and that Config.Origins allows, over https or to this machine: along a redirect to another
// origin the request goes on without it, and to an origin not allowed it is not sent at all. On a 401 that does not say insufficient_scope it renews the token
// once and sends the request once more, if the body can be read again (http.Request.GetBody). The caller's request is not modified.
func (g *Grant) Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{g: g, base: base}
}

// HTTPClient gives a client for APIs, over Transport(nil).
func (g *Grant) HTTPClient() *http.Client { return &http.Client{Transport: g.Transport(nil)} }

// Authorize puts the token on a whole request, with its proof of possession where Config.Proof is set. It waits for the token on the request's context, and
// refuses where a token must not go; see Transport.
func (g *Grant) Authorize(req *http.Request) error {
	if req == nil || req.URL == nil {
		return errNilRequest
	}
	if err := g.allowed(req.URL); err != nil {
		return err
	}
	s, err := g.active(req.Context())
	if err != nil {
		return err
	}
	if req.Header == nil {
		req.Header = http.Header{}
	}
	return g.sign(req, s, "")
}

// sign sets the headers of a request for one token.
func (g *Grant) sign(req *http.Request, s *snapshot, nonce string) error {
	setAuthorization(req.Header, s.Value.header)
	if g.client.proof == nil {
		return nil
	}
	target := *req.URL
	target.RawQuery, target.Fragment, target.User = "", "", nil
	method := req.Method
	if method == "" {
		method = http.MethodGet
	}
	proof, err := g.client.proof.Proof(req.Context(), ProofRequest{Method: method, URL: target.String(), AccessToken: s.Value.token.AccessToken, Nonce: nonce})
	if err != nil {
		return fmt.Errorf("oauth2grant: proof of possession: %w", err)
	}
	req.Header.Set(schemeDPoP, proof)
	return nil
}

// allowed tells whether a token may be sent to u.
func (g *Grant) allowed(u *url.URL) error {
	if u.Scheme != "https" && !isLoopback(u.Hostname()) && !g.client.insecure {
		return errors.New("oauth2grant: a token is not sent over plain http: use https, or set InsecureAllowHTTP")
	}
	if len(g.origins) == 0 || slices.Contains(g.origins, origin(u)) {
		return nil
	}
	return fmt.Errorf("oauth2grant: Config.Origins does not allow a token to go to %s", origin(u))
}

// origins gives those of Config.Origins, which was validated.
func origins(urls []string) []string {
	var all []string
	for _, raw := range urls {
		if u, err := url.Parse(raw); err == nil {
			all = append(all, origin(u))
		}
	}
	return all
}

type transport struct {
	g    *Grant
	base http.RoundTripper
}

// CloseIdleConnections closes those of the base, for http.Client.CloseIdleConnections.
func (t *transport) CloseIdleConnections() { (&http.Client{Transport: t.base}).CloseIdleConnections() }

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req == nil || req.URL == nil {
		return nil, errNilRequest
	}
	if redirectedAway(req) {
		return t.base.RoundTrip(req)
	}
	if err := t.g.allowed(req.URL); err != nil {
		closeBody(req)
		return nil, err
	}
	s, err := t.g.active(req.Context())
	if err != nil {
		closeBody(req)
		return nil, err
	}
	res, err := t.send(req, req.Body, s, "")
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		return res, err
	}
	return t.answer401(req, res, s)
}

// redirectedAway tells whether req follows a redirect that led to another origin, now or earlier.
func redirectedAway(req *http.Request) bool {
	here := origin(req.URL)
	for r := req; r.Response != nil && r.Response.Request != nil; {
		r = r.Response.Request
		if r.URL == nil || origin(r.URL) != here {
			return true
		}
	}
	return false
}

// send sends a copy of req with the token.
func (t *transport) send(req *http.Request, body io.ReadCloser, s *snapshot, nonce string) (*http.Response, error) {
	out := req.Clone(req.Context())
	out.Body = body
	if out.Header == nil {
		out.Header = http.Header{}
	}
	if err := t.g.sign(out, s, nonce); err != nil {
		closeBody(out)
		return nil, err
	}
	res, err := t.base.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	if nonce := res.Header.Get(headerNonce); nonce != "" && t.g.client.proof != nil {
		t.g.client.proof.Learn(origin(req.URL), nonce)
	}
	return res, nil
}

// answer401 sends the request once more if that can help: with a nonce, or with another token.
func (t *transport) answer401(req *http.Request, res *http.Response, s *snapshot) (*http.Response, error) {
	nonce, helps := t.remedy(res, s)
	if !helps {
		return res, nil
	}
	body, ok := again(req)
	if !ok {
		return res, nil
	}
	drop(res)
	if nonce == "" {
		fresh, err := t.g.active(req.Context())
		if err != nil {
			if body != nil {
				_ = body.Close()
			}
			return nil, err
		}
		s = fresh
	}
	return t.send(req, body, s, nonce)
}

// remedy says what may help against a 401.
func (t *transport) remedy(res *http.Response, s *snapshot) (nonce string, helps bool) {
	code := ""
	for _, c := range wire.ReadChallenges(res.Header.Values("WWW-Authenticate")) {
		if c.Scheme != "bearer" && c.Scheme != "dpop" {
			continue
		}
		if e := c.Params["error"]; e != "" && code == "" {
			code = e
		}
	}
	switch Code(code) {
	case UseDPoPNonce:
		nonce = res.Header.Get(headerNonce)
		return nonce, nonce != "" && t.g.client.proof != nil
	case "", InvalidToken:
		return "", t.g.invalidate(s.Value.token.AccessToken)
	default:
		return "", false
	}
}

// again gives the body of req once more, if it can be had.
func again(req *http.Request) (io.ReadCloser, bool) {
	if req.Body == nil || req.Body == http.NoBody {
		return req.Body, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	return body, err == nil
}

const mostDrained = 256 << 10

// drop drains, within reason, and closes the body of an answer that nobody will see, so that its connection can be used again.
func drop(res *http.Response) {
	_, _ = io.CopyN(io.Discard, res.Body, mostDrained)
	_ = res.Body.Close()
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}
