package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/e2e/internal/browser"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

var (
	native   = oauth2grant.Public("native")
	personal = []string{"openid", "offline_access", "read"}
)

// TestSignIn_APersonAtTheBrowser looks at the token from all sides, and at what
// is left of the sign-in in the browser.
func TestSignIn_APersonAtTheBrowser(t *testing.T) {
	onEachAtOnce(t, settings{}, func(t *testing.T, s *authServer) {
		for name, auth := range map[string]oauth2grant.ClientAuth{
			"into a public client": native, "into a confidential client": web,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p := newPerson(t, s.kind)
				p.will(p.approves(alice), returns())
				g := newGrant(t, p.flow(), s.config(auth, personal...))
				first := tokenOf(t, g)
				p.done()
				p.wantOpened(1)
				s.wantSignedIn(t, p, g, first, auth.ClientID())
				wantNoTrace(t, p)

				second, err := g.RefreshToken(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if second.AccessToken == first.AccessToken || second.RefreshToken == first.RefreshToken {
					t.Error("the refresh brought nothing new")
				}
				s.wantActive(t, "the token after a refresh", second.AccessToken)
				s.wantDead(t, "a refresh token that was used", first.RefreshToken)
				p.wantOpened(1)
			})
		}
	})
}

// wantSignedIn asks the server whose token it is, and reads the ID token.
func (s *authServer) wantSignedIn(
	t *testing.T, p *person, g *oauth2grant.Grant, token oauth2grant.Token, client string,
) {
	t.Helper()
	if got := s.inspect(t, token.AccessToken); !got.Active || got.ClientID != client || got.Subject != "alice" {
		t.Errorf("the server says active %t, client %q, subject %q", got.Active, got.ClientID, got.Subject)
	}
	if who, err := g.Client().UserInfo(t.Context(), token.AccessToken); err != nil || who.Subject != "alice" {
		t.Errorf("userinfo says %q, %v", who.Subject, err)
	}
	asked := p.authorization(t)
	if method := asked.Get("code_challenge_method"); method != "S256" || asked.Get("code_challenge") == "" {
		t.Errorf("the sign-in was asked for with the challenge method %q", method)
	}
	var claims struct{ Iss, Sub, Nonce string }
	readClaims(t, token.IDToken, &claims)
	if claims.Iss != s.issuer || claims.Sub != "alice" || claims.Nonce == "" || claims.Nonce != asked.Get("nonce") {
		t.Errorf("the ID token is from %q, of %q, with the nonce that was sent: %t", claims.Iss, claims.Sub,
			claims.Nonce == asked.Get("nonce"))
	}
}

// readClaims does not look at the signature.
func readClaims(t *testing.T, idToken string, claims any) {
	t.Helper()
	parts := strings.Split(idToken, ".")
	if len(parts) != 3 {
		t.Fatalf("the ID token has %d parts", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(payload, claims)
	}
	if err != nil {
		t.Fatalf("the ID token: %v", err)
	}
}

// authorization is the query of the request that the browser was opened with.
func (p *person) authorization(t *testing.T) url.Values {
	t.Helper()
	for _, r := range p.Requests() {
		if u, err := url.Parse(r.URL); err == nil && u.Query().Has("client_id") {
			return u.Query()
		}
	}
	t.Fatal("the browser made no authorization request")
	return nil
}

// wantNoTrace: the code and the state came to the callback, and from there on
// neither the address bar nor the history has them.
func wantNoTrace(t *testing.T, p *person) {
	t.Helper()
	callback := p.authorization(t).Get("redirect_uri")
	answer, err := url.Parse(p.RequestTo(callback + "?").URL)
	if err != nil {
		t.Fatal(err)
	}
	code, state := answer.Query().Get("code"), answer.Query().Get("state")
	if code == "" || state == "" {
		t.Fatalf("no answer came to %s", callback)
	}
	if at := p.Address(t); !strings.HasPrefix(at, callback+"/done/") || strings.Contains(at, "?") {
		t.Errorf("the address bar shows %s", at)
	}
	for _, entry := range p.Back(t) {
		if strings.Contains(entry, url.QueryEscape(code)) ||
			strings.HasPrefix(entry, callback) && strings.Contains(entry, url.QueryEscape(state)) {
			t.Errorf("the history has %s", entry)
		}
	}
}

// TestSignIn_ThatDoesNotSucceed has the reason in the error, and leaves nothing
// behind that calls could use.
func TestSignIn_ThatDoesNotSucceed(t *testing.T) {
	cases := []struct {
		name    string
		acts    func(p *person) browser.Step
		timeout time.Duration
		want    error
	}{
		{
			name: "the person says no", want: oauth2grant.AccessDenied,
			acts: func(*person) browser.Step {
				return steps(browser.Press(no), browser.Sees("Access was not granted"))
			},
		},
		{
			name: "the person takes too long", want: oauth2grant.ErrAuthorizationTimeout, timeout: 2 * time.Second,
			acts: func(*person) browser.Step { return browser.Fill("#login", "ali") },
		},
	}
	onEachAtOnce(t, settings{}, func(t *testing.T, s *authServer) {
		for _, tc := range cases {
			t.Run(tc.name, func(t *testing.T) {
				t.Parallel()
				p := newPerson(t, s.kind)
				p.will(tc.acts(p))
				flow := p.flow()
				if tc.timeout != 0 {
					flow.Timeout = tc.timeout
				}
				cfg := s.config(native, personal...)
				// The failure is remembered for longer than this takes.
				cfg.Refresh.MinBackOff, cfg.Refresh.MaxBackOff = time.Minute, time.Minute
				g := newGrant(t, flow, cfg)
				s.wantRequests(t, 0, func() {
					if err := g.EnsureActiveToken(t.Context()); !errors.Is(err, tc.want) {
						t.Errorf("got %v, want %v", err, tc.want)
					}
				})
				p.done()
				if err := g.EnsureActiveToken(t.Context()); !errors.Is(err, tc.want) {
					t.Errorf("the next call got %v, want %v from memory", err, tc.want)
				}
				p.wantOpened(1)
			})
		}
	})
}

// TestSignIn_APersonMayMistypeThePassword: that is between them and the server.
func TestSignIn_APersonMayMistypeThePassword(t *testing.T) {
	onEachAtOnce(t, settings{}, func(t *testing.T, s *authServer) {
		p := newPerson(t, s.kind)
		wrong := oauth2grant.Password{Username: "bob", Password: alice.Password}
		p.will(givesPassword(wrong), browser.Reads("p", "The user name or the password is wrong."),
			browser.Clear("#login"), p.approves(bob), returns())
		g := newGrant(t, p.flow(), s.config(native, personal...))
		s.wantRequests(t, 1, func() {
			token := tokenOf(t, g)
			p.done()
			if got := s.inspect(t, token.AccessToken); got.Subject != "bob" {
				t.Errorf("the token is %q's", got.Subject)
			}
		})
		p.wantOpened(1)
	})
}

// TestSignIn_TheAnswerMayBePosted: with response_mode=form_post the code is
// never in an address.
func TestSignIn_TheAnswerMayBePosted(t *testing.T) {
	t.Parallel()
	s := startOIDCProvider(t, settings{}) // Fosite offers it to no client
	p := newPerson(t, s.kind)
	p.will(p.approves(alice), returns())
	flow := p.flow()
	flow.Params.Set("response_mode", "form_post")
	g := newGrant(t, flow, s.config(native, personal...))
	token := tokenOf(t, g)
	p.done()
	s.wantActive(t, "the token", token.AccessToken)
	answer := p.RequestTo(p.authorization(t).Get("redirect_uri"))
	if answer.Method == "" || strings.Contains(answer.URL, "?") {
		t.Errorf("the answer came by %s %s", answer.Method, answer.URL)
	}
	for _, r := range p.Requests() {
		if u, err := url.Parse(r.URL); err != nil || u.Query().Has("code") {
			t.Errorf("the code was in the address %s, %v", r.URL, err)
		}
	}
}

// TestSignIn_ASecondOneIsAskedForByACallOnly revokes the refresh token at the
// server. The background finds out, and opens no browser; the next call does.
func TestSignIn_ASecondOneIsAskedForByACallOnly(t *testing.T) {
	onEachAtOnce(t, settings{lifetime: 4 * time.Second}, func(t *testing.T, s *authServer) {
		p := newPerson(t, s.kind)
		p.will(p.approves(alice), returns())
		foundOut := make(chan error, 100)
		cfg := s.config(native, personal...)
		cfg.OnEvent = func(_ context.Context, e oauth2grant.Event) {
			if e.Err != nil {
				foundOut <- e.Err
			}
		}
		g := newGrant(t, p.flow(), cfg)
		token := tokenOf(t, g)
		p.done()
		if err := g.Client().Revoke(t.Context(), token.RefreshToken, "refresh_token"); err != nil {
			t.Fatal(err)
		}
		if err := <-foundOut; !errors.Is(err, oauth2grant.ErrLoginRequired) {
			t.Errorf("the background reports %v, want ErrLoginRequired", err)
		}
		if _, err := g.RefreshToken(t.Context()); !errors.Is(err, oauth2grant.ErrLoginRequired) {
			t.Errorf("RefreshToken: %v, want ErrLoginRequired", err)
		}
		<-time.After(time.Until(token.Expiry)) // as long as the token is usable, no call asks
		if got := g.Status(); got.State != oauth2grant.StateLoginRequired {
			t.Errorf("the state is %v", got.State)
		}
		p.wantOpened(1)

		p.will(stillSignedIn(p), returns())
		next := tokenOf(t, g)
		p.done()
		p.wantOpened(2)
		s.wantActive(t, "the token of the second sign-in", next.AccessToken)
	})
}

// stillSignedIn: oidc-provider knows the person by a cookie, and asks for
// consent only.
func stillSignedIn(p *person) browser.Step {
	if p.kind == oidcProvider {
		return steps(browser.Sees("Allow access"), browser.Press(yes))
	}
	return p.approves(alice)
}
