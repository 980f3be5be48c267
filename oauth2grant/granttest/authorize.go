package granttest

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const codeLifetime = time.Minute

// authorization is a request that a person is asked to decide on (RFC 6749
// §4.1.1).
type authorization struct {
	client      string
	redirectURI string // where the answer goes; empty: nowhere, the request does not say so credibly
	redirectSet bool   // the request named it, so the token request must too
	state       string
	scope       string
	hint        string
	formPost    bool
	pkce        pkce
	key         string // the thumbprint that the code is bound to (RFC 9449 §10); empty: to none
	requestURI  string
	nonce       string // for the ID token
}

// code is an authorization code.
type code struct {
	authorization
	user   string
	expiry time.Time
	family *family // made with it; nil: not used yet
}

// authorization checks a request. Next to an error it has a redirectURI when
// that is where the error belongs (§4.1.2.1).
func (s *Server) authorization(form url.Values) (authorization, error) {
	a := authorization{requestURI: form.Get("request_uri"), hint: form.Get("login_hint")}
	if a.requestURI != "" {
		pushed := s.pushed[a.requestURI]
		if pushed == nil || pushed.form.Get("client_id") != form.Get("client_id") || expired(pushed.expiry) {
			return a, refuse("invalid_request", "request_uri is unknown, used, expired or another client's")
		}
		form = pushed.form
	}
	if a.hint == "" {
		a.hint = form.Get("login_hint")
	}
	client, ok := s.cfg.client(form.Get("client_id"))
	if !ok {
		return a, refuse("invalid_request", "no such client")
	}
	redirectURI, ok := client.redirectURI(form.Get("redirect_uri"))
	if !ok {
		return a, refuse("invalid_request", "redirect_uri is not registered, or missing")
	}
	a.client, a.redirectURI, a.redirectSet = client.ID, redirectURI, form.Has("redirect_uri")
	a.nonce = form.Get("nonce")
	a.state, a.scope = form.Get("state"), strings.Join(strings.Fields(form.Get("scope")), " ")
	if s.cfg.DPoP {
		a.key = form.Get("dpop_jkt")
	}
	return a, a.check(client, form)
}

func (a *authorization) check(client Client, form url.Values) (err error) {
	switch form.Get("response_type") {
	case "code":
	case "":
		return refuse("invalid_request", "response_type is missing")
	default:
		return refuse("unsupported_response_type", "response_type must be code")
	}
	switch form.Get("response_mode") {
	case "", "query":
	case "form_post":
		a.formPost = true
	default:
		return refuse("invalid_request", "response_mode must be query or form_post")
	}
	if a.pkce, err = challengeOf(form); err != nil {
		return err
	}
	if client.public() && a.pkce.challenge == "" {
		return refuse("invalid_request", "a public client needs a code_challenge")
	}
	return nil
}

// redirectURI returns the URI to use when the request named uri, or none.
func (c Client) redirectURI(uri string) (string, bool) {
	if uri == "" {
		if len(c.RedirectURIs) == 1 {
			return c.RedirectURIs[0], true
		}
		return "", false
	}
	u, err := url.Parse(uri)
	if err != nil || !u.IsAbs() || strings.Contains(uri, "#") {
		return "", false
	}
	ok := len(c.RedirectURIs) == 0 || slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		return registered == uri || withoutLoopbackPort(registered) == withoutLoopbackPort(uri)
	})
	return uri, ok
}

func withoutLoopbackPort(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || !net.ParseIP(u.Hostname()).IsLoopback() {
		return uri
	}
	u.Host = u.Hostname()
	return u.String()
}

// authorize is the authorization endpoint (RFC 6749 §3.1). login_hint plays the
// person: auto:<user> approves, deny denies; otherwise a page offers both.
func (s *Server) authorize(c *call) (answer, error) {
	a, err := s.asked(c.form)
	if err != nil {
		if a.redirectURI == "" {
			return answer{}, err
		}
		return s.send(a, refusalValues(err)), nil
	}
	user, approval := strings.CutPrefix(a.hint, "auto:")
	switch {
	case approval:
		values, err := s.approve(a, user)
		if err != nil {
			values = refusalValues(err)
		}
		return s.send(a, values), nil
	case a.hint == "deny":
		return s.send(a, s.deny(a)), nil
	default:
		return s.choices("Authorize "+a.client, c.URL, c.form), nil
	}
}

// redeem is RFC 6749 §4.1.3. A code used twice revokes what came of it
// (§4.1.2).
func (s *Server) redeem(client caller, c *call) (answer, error) {
	k := s.codes[c.form.Get("code")]
	switch {
	case !c.form.Has("code"):
		return answer{}, refuse("invalid_request", "code is missing")
	case k == nil || k.client != client.ID:
		return answer{}, refuse("invalid_grant", "the code is unknown or another client's")
	case k.family != nil:
		k.family.dead = true
		return answer{}, refuse("invalid_grant", "the code was used before: its tokens are revoked")
	case expired(k.expiry):
		return answer{}, refuse("invalid_grant", "the code has expired")
	case (k.redirectSet || c.form.Has("redirect_uri")) && c.form.Get("redirect_uri") != k.redirectURI:
		return answer{}, refuse("invalid_grant", "redirect_uri is not that of the authorization request")
	}
	if err := k.pkce.check(c.form.Get("code_verifier")); err != nil {
		return answer{}, err
	}
	k.family = &family{client: client.ID, user: k.user, scope: k.scope, oidcNonce: k.nonce}
	return s.firstAnswer(k.family, grantAuthorizationCode), nil
}

// send answers the authorization request through the browser.
func (s *Server) send(a authorization, values url.Values) answer {
	if a.formPost {
		return selfPosting(a.redirectURI, s.responseValues(a, values))
	}
	return answer{
		status: http.StatusFound, code: values.Get("error"),
		header: http.Header{"Location": {s.callback(a, values)}},
	}
}
