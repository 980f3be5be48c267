package oauth2grant_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// secretFlows are driven through every error path with every secret marked. To
// add a flow is to add a line.
var secretFlows = map[string]struct {
	drive   func(l *leaks)
	sockets bool // real ones: it can't run in a bubble
}{
	"client credentials": {drive: func(l *leaks) { l.grant(oauth2grant.ClientCredentials{}) }},
	"password": {drive: func(l *leaks) {
		l.grant(oauth2grant.Password{Username: "alice", Password: l.secret("password")})
	}},
	"password by func": {drive: func(l *leaks) {
		l.grant(oauth2grant.Password{
			Credentials: func(context.Context) (string, string, error) { return "alice", l.secret("password"), nil },
		})
	}},
	"JWT bearer": {
		drive: func(l *leaks) { l.grant(oauth2grant.JWTBearer{Assertion: constantly(l.secret("assertion"))}) },
	},
	"token exchange": {drive: func(l *leaks) {
		l.grant(oauth2grant.TokenExchange{
			Subject: constantly(l.secret("subject")), SubjectType: oauth2grant.TokenTypeJWT,
			Actor: constantly(l.secret("actor")), ActorType: oauth2grant.TokenTypeJWT,
		})
	}},
	"refresh only": {drive: func(l *leaks) { l.grant(oauth2grant.RefreshOnly{}) }},
	"device code": {drive: func(l *leaks) {
		l.grant(oauth2grant.DeviceCode{PKCE: true, Prompt: func(_ context.Context, p oauth2grant.DevicePrompt) error {
			l.show(p)
			return l.srv.ApproveDevice(p.UserCode, "alice")
		}})
	}},
	"authorization code": {sockets: true, drive: func(l *leaks) {
		l.grant(oauth2grant.AuthCode{Timeout: 10 * time.Second, Open: func(ctx context.Context, authURL string) error {
			l.learnQuery(authURL)
			callback, err := l.srv.Approve(authURL, "alice")
			if err != nil {
				return err
			}
			l.learnQuery(callback)
			return visit(ctx, callback)
		}})
	}},
	"bound tokens": {
		drive: func(l *leaks) { l.cfg.Proof = &spillingProver{l}; l.grant(oauth2grant.ClientCredentials{}) },
	},
	"bound by a key":               {drive: (*leaks).boundByAKey},
	"private key":                  {drive: (*leaks).privateKey},
	"secret that signs":            {drive: (*leaks).signingSecret},
	"client assertion of a file":   {drive: (*leaks).assertionOfAFile},
	"assertion of the environment": {drive: (*leaks).assertionOfTheEnvironment},
	"assertion of a command":       {sockets: true, drive: (*leaks).assertionOfACommand},
	"assertion of a URL":           {drive: (*leaks).assertionOfAURL},
	"stateless client":             {drive: (*leaks).client},
	"web application":              {drive: (*leaks).webApplication},
	"pushed authorization": {drive: func(l *leaks) {
		l.cfg.PushedAuthorization = true
		l.webApplication()
	}},
}

// spills are what a server, or what is in between, may do with the secrets of a
// request.
var spills = map[string]func(everything, one string) (*http.Response, error){
	"nothing": nil,
	"an error that echoes": func(all, _ string) (*http.Response, error) {
		return says(400, map[string]string{"error": "invalid_grant", "error_description": all, "error_uri": all})
	},
	"an error of the client": func(all, one string) (*http.Response, error) {
		return says(401, map[string]string{"error": "invalid_client", "error_description": one + " " + all})
	},
	"an outage that echoes": func(all, _ string) (*http.Response, error) {
		return says(500, map[string]string{"error": "server_error", "error_description": all})
	},
	"an error in a 200": func(all, _ string) (*http.Response, error) {
		return says(200, map[string]string{"error": "invalid_scope", "error_description": all})
	},
	"a code that echoes": func(_, one string) (*http.Response, error) {
		return says(400, map[string]string{"error": one})
	},
	"a page that echoes":  func(all, _ string) (*http.Response, error) { return says(403, "<html>"+all) },
	"garbage that echoes": func(all, _ string) (*http.Response, error) { return says(200, `{"access_token":"`+all) },
	"members of the wrong type": func(all, _ string) (*http.Response, error) {
		return says(200, map[string]any{
			"access_token": []string{all}, "sub": []string{all}, "active": all, "device_code": 7,
		})
	},
	"a token that fits no header": func(all, _ string) (*http.Response, error) {
		return says(200, map[string]string{"access_token": all + "\n", "token_type": "Bearer"})
	},
	"a redirect with all in it": func(all, _ string) (*http.Response, error) {
		return moved("https://evil.example/?" + url.QueryEscape(all))
	},
	"a challenge that echoes": func(all, _ string) (*http.Response, error) {
		return challenged(`Bearer error="invalid_token", error_description="` + all + `"`)
	},
	"a transport error that echoes": func(all, _ string) (*http.Response, error) { return nil, spilled(all) },
	"the same, wrapped": func(all, one string) (*http.Response, error) {
		return nil, fmt.Errorf("%s: %w", all, &url.Error{Op: one, URL: all, Err: spilled(all)})
	},
	"a body that breaks with it": func(all, _ string) (*http.Response, error) {
		res, _ := says(200, "")
		res.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), failing{spilled(all)}))
		return res, nil
	},
}

// spilled is an error that shows what it has to every verb.
type spilled string

func (s spilled) Error() string { return string(s) }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func says(status int, what any) (*http.Response, error) {
	text, ok := what.(string)
	if !ok {
		encoded, err := json.Marshal(what)
		if err != nil {
			return nil, err
		}
		text = string(encoded)
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}, nil
}

func moved(to string) (*http.Response, error) {
	res, err := says(307, "")
	res.Header.Set("Location", to)
	return res, err
}

func challenged(how string) (*http.Response, error) {
	res, err := says(401, "")
	res.Header.Set("WWW-Authenticate", how)
	return res, err
}

func TestSecrets_AreShownOnNoPath(t *testing.T) {
	for name, f := range secretFlows {
		for spill, do := range spills {
			t.Run(name+", "+spill, func(t *testing.T) {
				run := func(t *testing.T) {
					calm := newLeaks(t, "", 0, nil)
					f.drive(calm)
					calm.check(t)
					for endpoint, requests := range calm.endpoints() {
						for first := range min(requests, 2) { // the first request of its kind, or only those after it
							if do != nil {
								l := newLeaks(t, endpoint, first, do)
								f.drive(l)
								l.check(t)
							}
						}
					}
				}
				if f.sockets {
					run(t)
				} else {
					synctest.Test(t, run)
				}
			})
		}
	}
}

// grant drives a grant with a flow through its life.
func (l *leaks) grant(flow oauth2grant.Flow) {
	if _, ok := flow.(oauth2grant.RefreshOnly); !ok {
		l.cfg.Token = oauth2grant.Token{}
	}
	g, err := oauth2grant.New(l.t.Context(), flow, l.cfg)
	if err != nil {
		l.t.Fatal(err)
	}
	defer g.Close()
	l.show(flow, g, *g.Client(), g.Client(), l.cfg, &l.cfg)
	ctx := l.t.Context()
	l.show(g.EnsureActiveToken(ctx), g.PrepareRequest(ctx, http.Header{}), g.Status())
	for _, obtain := range []func(context.Context) (oauth2grant.Token, error){g.Token, g.RefreshToken, g.FetchToken} {
		token, err := obtain(ctx)
		l.show(token, err, g, g.Status())
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, err = g.RefreshToken(gone)
	l.show(err)
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet,
		"http://api.example/?access_token="+url.QueryEscape(l.secret("query")), nil)
	l.show(g.Authorize(r))
	r.URL.Scheme, r.URL.User = "https", url.UserPassword("user", l.secret("user info"))
	res, err := g.Transport(tripper(l.roundTrip)).RoundTrip(r)
	if err == nil {
		_ = res.Body.Close()
	}
	l.show(g.SetToken(ctx, oauth2grant.Token{
		AccessToken: l.secret("set"), TokenType: "Bearer", IDToken: l.secret("id"),
	}), g.Revoke(ctx), g.Status())
	_ = g.Close()
	l.show(g.EnsureActiveToken(ctx), g)
}

func (l *leaks) client() {
	l.cfg.Token, l.cfg.OnEvent = oauth2grant.Token{}, nil
	l.cfg.Auth = oauth2grant.SecretPost("client", l.secret("client secret+/%"))
	l.cfg.Server.RevocationURL = l.srv.URL(granttest.Revocation) + "?key=" + url.QueryEscape(l.secret("key"))
	c := newClient(l.t, l.cfg)
	ctx := l.t.Context()
	s, err := c.Server(ctx)
	s.RevocationURL = "" // the user's own
	l.show(c, s, err, l.cfg, l.cfg.Auth)
	access, refresh, _ := l.srv.Issue("client", "alice")
	l.learn(access, refresh)
	token, err := c.RequestToken(ctx, url.Values{
		"grant_type": {"password"}, "username": {"alice"}, "password": {l.secret("password")},
	})
	l.show(token, err)
	token, err = c.RequestToken(ctx, url.Values{
		"grant_type": {"password"}, "username": {"alice"}, "password": {l.secret("another")},
	})
	l.show(token, err)
	token, err = c.Refresh(ctx, refresh, nil)
	l.show(token, err)
	i, err := c.Introspect(ctx, access, "")
	l.show(i, err)
	u, err := c.UserInfo(ctx, access)
	l.show(u, err, c.Revoke(ctx, access, ""),
		c.Post(ctx, l.srv.URL(granttest.Token)+"?q="+url.QueryEscape(l.secret("post")), nil, nil))
	l.show(c.Post(ctx, "https://u:"+url.QueryEscape(l.secret("user"))+"@auth.example/", nil, nil),
		c.Post(ctx, "http://h.example/?"+url.QueryEscape(l.secret("http")), nil, nil))
	_, err = oauth2grant.Discover(ctx, "https://u:"+url.QueryEscape(l.secret("issuer"))+"@auth.example",
		l.cfg.HTTPClient)
	l.show(err)
	l.cfg.Server.TokenURL = "https://u:" + url.QueryEscape(l.secret("bad")) + "@auth.example"
	_, err = oauth2grant.NewClient(l.cfg)
	l.show(err)
}

func (l *leaks) webApplication() {
	l.cfg.Token, l.cfg.OnEvent, l.cfg.Scopes = oauth2grant.Token{}, nil, []string{"openid"}
	c := newClient(l.t, l.cfg)
	ctx := l.t.Context()
	a, err := c.BeginAuthorization(ctx, "https://app.example/callback", nil)
	if err != nil {
		l.show(err)
		return
	}
	l.learn(a.State, a.Nonce, a.CodeVerifier)
	l.show(a, &a)
	callback, err := l.srv.Approve(a.URL, "alice")
	if err != nil {
		l.t.Fatal(err)
	}
	l.learnQuery(callback)
	u, _ := url.Parse(callback)
	finish := func(edit func(url.Values)) {
		response := u.Query()
		edit(response)
		token, err := c.FinishAuthorization(ctx, a, response)
		l.show(token, err)
	}
	code := u.Query().Get("code")
	finish(func(v url.Values) { v.Set("state", code) })
	finish(func(v url.Values) { v.Add("code", code) })
	finish(func(v url.Values) { v.Set("iss", "https://evil.example/") })
	finish(func(v url.Values) { v.Del("iss") })
	finish(func(v url.Values) { v.Set("error", "access_denied") })
	finish(func(v url.Values) { v.Del("code") })
	finish(func(url.Values) {})
	finish(func(url.Values) {}) // the second time the server refuses the code
}

// spillingProver shows what a proof covers, as a careless one may log it.
type spillingProver struct{ l *leaks }

func (p *spillingProver) Proof(_ context.Context, r oauth2grant.ProofRequest) (string, error) {
	p.l.show(r, &r)
	if strings.Contains(r.URL, "?") {
		return "", errors.New("a proof covers no query")
	}
	return p.l.secret("proof"), nil
}
func (*spillingProver) Learn(string, string) {}
func (*spillingProver) Thumbprint() string   { return "thumb" }

func TestSecrets_AnAnswerThatEchoesItsStateShowsNone(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	c := newClient(t, configFor(srv))
	a, err := c.BeginAuthorization(t.Context(), "https://app.example/callback", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.FinishAuthorization(t.Context(), a, url.Values{
		"state": {a.State}, "iss": {srv.Issuer()}, "code": {"MARK-code"}, "error": {"access_denied"},
		"error_description": {a.State + " MARK-code"},
	})
	wantIs(t, err, oauth2grant.AccessDenied)
	for _, secret := range []string{a.State, "MARK-code"} {
		if text := prints(err); strings.Contains(text, secret) {
			t.Errorf("shows %q", secret)
		}
	}
}
