package apiauth

import (
	"errors"
	"net/http"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

type transport struct {
	a    *Auth
	base http.RoundTripper
}

// CloseIdleConnections closes those of the base.
func (t *transport) CloseIdleConnections() { (&http.Client{Transport: t.base}).CloseIdleConnections() }

// String names the API.
func (t *transport) String() string { return t.a.String() }

var errElsewhere = errors.New("apiauth: the request is not for the API: tokens go to its origin only")

// steps are what was done for one request. Each is done once at most.
type steps struct{ learnt, moved, registered, stepped bool }

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	switch {
	case req == nil || req.URL == nil:
		return nil, errors.New("apiauth: the request has no URL")
	case req.Response != nil && t.a.ledAway(req):
		return t.base.RoundTrip(req) // without a token
	case originOf(req.URL) != t.a.origin:
		closeBody(req.Body)
		return nil, errElsewhere
	}
	account := t.a.cfg.Account(req)
	k, err := t.a.current(req.Context())
	if err != nil {
		closeBody(req.Body)
		return nil, err
	}
	var done steps
	for out := req; ; {
		res, err := t.send(out, account, k, !done.moved)
		next, again, err := t.after(req, res, err, account, k, &done)
		if !again {
			if err != nil {
				return nil, err
			}
			res.Request = req
			return res, nil
		}
		k = next
		if out = replay(req); out == nil {
			if res == nil {
				return nil, errors.New("apiauth: sign-in was needed, and the body of the request cannot be read again")
			}
			res.Request = req
			return res, nil
		}
		if res != nil {
			closeBody(res.Body)
		}
	}
}

// send sends the request once: without a token as long as nothing is known.
func (t *transport) send(req *http.Request, account string, k *known, look bool) (res *http.Response, err error) {
	if k == nil {
		return t.base.RoundTrip(req)
	}
	sent := false
	err = t.a.use(req.Context(), place{account, k}, func(g *oauth2grant.Grant) error {
		var err error
		sent = true
		res, err = g.Transport(&watch{t, k, look}).RoundTrip(req) //nolint:bodyclose // it is the caller's
		return err
	})
	if !sent {
		closeBody(req.Body)
	}
	return res, err
}

// after says what to do about the outcome of a request: it returns what is
// known then, and reports whether to send again.
func (t *transport) after(
	req *http.Request, res *http.Response, err error, account string, k *known, done *steps,
) (*known, bool, error) {
	ctx := req.Context()
	if moved, ok := errors.AsType[*movedError](err); ok && !done.moved {
		done.moved = true
		k, err = t.a.move(ctx, k, moved)
		return k, err == nil, err
	}
	if err != nil {
		if k == nil || !k.Client.Registered || done.registered || !errors.Is(err, oauth2grant.InvalidClient) {
			return k, false, err
		}
		done.registered = true
		k, err = t.a.registerAnew(ctx, k)
		return k, err == nil, err
	}
	if res.StatusCode != http.StatusUnauthorized && res.StatusCode != http.StatusForbidden {
		return k, false, nil
	}
	d, about := read(res)
	var again bool
	switch {
	case k == nil && res.StatusCode == http.StatusUnauthorized && about && !done.learnt:
		done.learnt = true
		again = true
		k, err = t.a.learn(ctx, d)
		if errors.Is(err, errNoMetadata) {
			return nil, false, nil
		}
	case k != nil && d.code == insufficientScope && len(d.scopes) > 0 && !done.stepped:
		done.stepped = true
		k, again, err = t.a.stepUp(ctx, account, k, d.scopes)
	}
	if err != nil {
		closeBody(res.Body)
		return k, false, err
	}
	return k, again, nil
}

// ledAway reports whether a request follows a redirect that led to another
// origin, now or earlier.
func (a *Auth) ledAway(req *http.Request) bool {
	for range 100 {
		if originOf(req.URL) != a.origin {
			return true
		}
		if req.Response == nil {
			return false
		}
		if req = req.Response.Request; req == nil || req.URL == nil {
			return true
		}
	}
	return true
}

// replay returns the request once more, nil if its body cannot be had again.
func replay(req *http.Request) *http.Request {
	out := req.WithContext(req.Context())
	if req.Body == nil || req.Body == http.NoBody {
		return out
	}
	if req.GetBody == nil {
		return nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil
	}
	out.Body = body
	return out
}

// watch is the base of the grant's transport. On a 401 it has the metadata of
// the API read again, before the grant asks anything of a server that may not
// be the API's any more.
type watch struct {
	*transport
	k    *known
	look bool
}

// RoundTrip implements [http.RoundTripper].
func (w *watch) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := w.base.RoundTrip(req)
	if err != nil || res.StatusCode != http.StatusUnauthorized || !w.look {
		return res, err
	}
	d, about := read(res)
	if !about || d.code == insufficientScope || d.code == string(oauth2grant.InsufficientUserAuthentication) ||
		d.code == string(oauth2grant.UseDPoPNonce) {
		return res, nil
	}
	w.look = false
	if err := w.a.moved(req.Context(), d, w.k); err != nil {
		closeBody(res.Body)
		return nil, err
	}
	return res, nil
}
