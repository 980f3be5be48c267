package oauth2grant

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
)

var errNeedsProof = errors.New(
	"oauth2grant: a proof of possession covers the whole request: use Authorize or Transport")

// Transport returns a RoundTripper that puts the token of the grant on every
// request and sends it through base, or through [http.DefaultTransport] if base
// is nil. It waits for an active token on the request's context.
//
// A token goes to the origin (RFC 6454) that the caller's request was made for,
// if [Config.Origins] allows it, over https or to this machine. Along a
// redirect to another origin the request goes on without the token, even if a
// later one leads back, and so does a request whose chain of redirects cannot
// be followed to its beginning. A request to an origin that is not allowed is
// not sent.
//
// A 401 (RFC 6750 §3) is taken for the end of that token, whatever its error
// code: the token is renewed once and the request sent once more, provided that
// its body can be read again ([http.Request.GetBody]). Three codes do not speak
// of the token's end, and their 401 is returned: insufficient_scope;
// insufficient_user_authentication, for which see [StepUp]; and use_dpop_nonce
// without [Config.Proof], which otherwise is answered by one more request with
// that nonce. A 401 is also returned as it is if the token was obtained just
// now, see [Grant.Invalidate], or if the grant has been signed out meanwhile by
// [Grant.Revoke]. The body of a 401 that is not returned is closed unread.
//
// The caller's request is not modified, and its body is always closed.
// Response.Request is the caller's own, without the token. A base must treat a
// request as the contract of [http.RoundTripper] demands: it shares its URL,
// trailer and the values of its header with the caller's.
//
// The error is that of base or, where no token could be put on the request,
// that of [Grant.EnsureActiveToken], of [Config.Proof], or one that says why
// the token must not go there.
func (g *Grant) Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{g: g, base: base}
}

// HTTPClient returns a client for APIs, over [Grant.Transport] of
// [http.DefaultTransport]. It has no Timeout: the context of a request bounds
// it.
func (g *Grant) HTTPClient() *http.Client { return &http.Client{Transport: g.Transport(nil)} }

// Authorize puts the token on a whole request, with its proof of possession if
// [Config.Proof] is set (RFC 9449 §7). It waits for an active token on the
// request's context, and returns an error where [Grant.Transport] would send no
// token.
//
// It cannot see where the request is redirected to: an [http.Client] takes
// Authorization along to the same host name and to names below it, whatever
// the scheme and the port. Use [Grant.Transport], which does not, or a client
// whose CheckRedirect is as strict as that.
func (g *Grant) Authorize(req *http.Request) error {
	switch {
	case req == nil || req.URL == nil:
		return errNilRequest
	case g.grant == nil:
		return errZeroGrant
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
	setAuthorization(req.Header, s.Value.header)
	return g.prove(req, s, "")
}

// prove sets the proof of possession of one token, where there is to be one.
func (g *Grant) prove(req *http.Request, s *snapshot, nonce string) error {
	if s.Value.proof == nil {
		return nil
	}
	target := *req.URL
	target.RawQuery, target.Fragment, target.User = "", "", nil
	method := req.Method
	if method == "" {
		method = http.MethodGet
	}
	proof, err := s.Value.proof.Proof(req.Context(), ProofRequest{
		Method: method, URL: target.String(), AccessToken: s.Value.token.AccessToken, Nonce: nonce,
	})
	if err != nil {
		return fmt.Errorf("oauth2grant: proof of possession: %w", err)
	}
	req.Header.Set(schemeDPoP, proof)
	return nil
}

// allowed returns why the token must not be sent to u, nil if it may.
func (g *Grant) allowed(u *url.URL) error {
	if u.Scheme != "https" && !isLoopback(u.Hostname()) && !g.client.insecure {
		return errors.New("oauth2grant: a token is not sent over plain http: use https, or set InsecureAllowHTTP")
	}
	if len(g.origins) == 0 || slices.Contains(g.origins, originOf(u)) {
		return nil
	}
	return fmt.Errorf("oauth2grant: Config.Origins does not allow a token to go to %s", origin(u))
}

// transport is what [Grant.Transport] returns.
type transport struct {
	g    *Grant
	base http.RoundTripper
}

// CloseIdleConnections closes those of the base, for
// [http.Client.CloseIdleConnections].
func (t *transport) CloseIdleConnections() { (&http.Client{Transport: t.base}).CloseIdleConnections() }

// String names the grant whose token the transport puts on requests.
func (t *transport) String() string {
	if t == nil {
		return "Transport{none}"
	}
	return fmt.Sprintf("Transport{%v}", t.g)
}

// Format implements [fmt.Formatter]: no verb shows a secret.
func (t *transport) Format(f fmt.State, _ rune) { formatRedacted(f, t.String()) }

// LogValue implements [slog.LogValuer].
func (t *transport) LogValue() slog.Value { return slog.StringValue(t.String()) }

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req == nil {
		return nil, errNilRequest
	}
	if req.URL == nil {
		closeBody(req.Body)
		return nil, errNilRequest
	}
	if t.g.grant == nil {
		closeBody(req.Body)
		return nil, errZeroGrant
	}
	if req.Response != nil && redirectedAway(req) {
		return t.sendAs(req, req)
	}
	if err := t.g.allowed(req.URL); err != nil {
		closeBody(req.Body)
		return nil, err
	}
	s, err := t.g.active(req.Context())
	if err != nil {
		closeBody(req.Body)
		return nil, err
	}
	res, err := t.send(req, req.Body, s, "")
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		return res, err
	}
	return t.answer401(req, res, s)
}

// mostRedirects bounds how far back a chain of redirects is followed. An
// [http.Client] gives up after ten unless its CheckRedirect permits more.
const mostRedirects = 100

// redirectedAway reports whether req follows a redirect that led to another
// origin, now or earlier, or may have done so.
func redirectedAway(req *http.Request) bool {
	here := originOf(req.URL)
	for range mostRedirects {
		if req.Response == nil {
			return false
		}
		req = req.Response.Request
		if req == nil || req.URL == nil || originOf(req.URL) != here {
			return true
		}
	}
	return true
}

// signed is a copy of a request and the one value that it adds to the header,
// in one piece of memory.
type signed struct {
	http.Request
	authorization [1]string
}

// send sends a copy of req with the token of s.
func (t *transport) send(req *http.Request, body io.ReadCloser, s *snapshot, nonce string) (*http.Response, error) {
	out := &signed{Request: *req, authorization: [1]string{s.Value.header}}
	out.Body = body
	out.Header = copyHeader(req.Header)
	out.Header["Authorization"] = out.authorization[:]
	if err := t.g.prove(&out.Request, s, nonce); err != nil {
		closeBody(body)
		return nil, err
	}
	return t.sendAs(&out.Request, req)
}

// copyHeader returns a map of its own for the values of h, with room for one or
// two more. A map of up to eight is copied whole; a larger one would then grow.
func copyHeader(h http.Header) http.Header {
	const fewest = 7
	if h != nil && len(h) <= fewest {
		return maps.Clone(h)
	}
	out := make(http.Header, len(h)+2)
	maps.Copy(out, h)
	return out
}

// sendAs sends out and answers as if it were req.
func (t *transport) sendAs(out, req *http.Request) (*http.Response, error) {
	res, err := t.base.RoundTrip(out)
	if err != nil || res == nil {
		return nil, cmp.Or(err, errNoResponse)
	}
	res.Request = req
	if out != req && t.g.client.proof != nil {
		if nonce := res.Header.Get(headerNonce); nonce != "" {
			t.g.client.proof.Learn(origin(req.URL), nonce)
		}
	}
	return res, nil
}

var errNoResponse = errors.New("oauth2grant: the base of the transport returned neither a response nor an error")

// answer401 sends the request again as long as that can help: once with a nonce
// and once with another token.
func (t *transport) answer401(req *http.Request, res *http.Response, s *snapshot) (*http.Response, error) {
	var renewed, proved bool
	for res.StatusCode == http.StatusUnauthorized {
		nonce := ""
		switch refusalOf(res) {
		case InsufficientScope, InsufficientUserAuthentication:
			return res, nil
		case UseDPoPNonce:
			nonce = res.Header.Get(headerNonce)
			if proved || nonce == "" || t.g.client.proof == nil {
				return res, nil
			}
			proved = true
		default:
			if renewed || !t.g.invalidate(s.Value.token.AccessToken) {
				return res, nil
			}
			renewed = true
		}
		body, ok := again(req)
		if !ok {
			return res, nil
		}
		// Not drained: only the server knows when it will have sent the rest.
		closeBody(res.Body)
		var err error
		if nonce == "" {
			s, err = t.g.active(req.Context())
		}
		if err != nil {
			closeBody(body)
			return nil, err
		}
		if res, err = t.send(req, body, s, nonce); err != nil {
			return nil, err
		}
	}
	return res, nil
}

// again returns the body of req once more, if it can be had.
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

func closeBody(body io.ReadCloser) {
	if body != nil {
		_ = body.Close()
	}
}
