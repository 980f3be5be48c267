package e2e

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// The ways to authenticate a client, as RFC 8414 names them, and what it is
// authenticated for.
var (
	authMethods = []string{
		"client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt",
		"tls_client_auth", "self_signed_tls_client_auth", "none",
	}
	authUses = []authUse{
		{"client credentials", (*attempt).clientCredentials},
		{"password", (*attempt).password},
		{"authorization code", (*attempt).code},
		{"pushed authorization request", (*attempt).push},
		{"device code", (*attempt).device},
		{"JWT bearer", (*attempt).assertion},
		{"token exchange", (*attempt).exchange},
		{"refresh", (*attempt).refresh},
		{"introspection", (*attempt).introspect},
		{"revocation", (*attempt).revoke},
	}
)

type authUse struct {
	name string
	do   func(a *attempt, t *testing.T)
}

// offers reports whether a kind of server offers a use to clients of a method.
func offers(kind, method, use string) bool {
	fosites := []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"}
	switch {
	case kind == fosite && !slices.Contains(fosites, method):
		return false
	case method == "none" && use == "client credentials": // RFC 6749 §4.4
		return false
	case kind == oidcProvider:
		return true
	case use == "introspection":
		return method == "client_secret_basic"
	case use == "password":
		return method != "none"
	}
	return use != "token exchange"
}

// trial is a server with a client for each method.
type trial struct {
	*authServer
	key      jose.JSONWebKey               // with which a client, and the platform, sign
	audience string                        // of what they sign
	pages    *tls.Config                   // for its pages; nil: as usual
	clients  map[string]oauth2grant.Config // by method
}

// TestClientAuth_EveryOneForEveryUse holds the table in
// docs/client-authentication.md to what works at real servers. Outside CI a
// table that is not complete, for want of a server or because a test was not
// asked for, skips the test.
func TestClientAuth_EveryOneForEveryUse(t *testing.T) {
	t.Parallel()
	var worked sync.Map // server, method and use
	t.Run("at", func(t *testing.T) {
		for _, start := range []func(*testing.T) trial{certifiedTrial, fositeTrial} {
			s := start(t)
			for method, cfg := range s.clients {
				t.Run(s.kind+", "+method, func(t *testing.T) {
					t.Parallel()
					a := &attempt{trial: s, cfg: cfg}
					for _, use := range authUses {
						if !offers(s.kind, method, use.name) {
							continue
						}
						t.Run(use.name, func(t *testing.T) {
							use.do(a, t)
							worked.Store(s.kind+method+use.name, !t.Failed())
						})
					}
				})
			}
		}
	})
	got := authTable(func(kind, method, use string) bool {
		ok, _ := worked.Load(kind + method + use)
		return ok == true
	})
	want := authTable(offers)
	if got != want && partial() && !t.Failed() {
		t.Log("\n" + got)
		return
	}
	page, err := os.ReadFile("../docs/client-authentication.md")
	must(t, err)
	if got != want || !strings.Contains(string(page), got) {
		t.Errorf("docs/client-authentication.md does not have the table of what works:\n%s", got)
	}
}

// authTable is the table in Markdown: O and F stand for the two servers.
func authTable(works func(kind, method, use string) bool) string {
	var text strings.Builder
	text.WriteString("| |")
	for _, method := range authMethods {
		fmt.Fprintf(&text, " `%s` |", method)
	}
	text.WriteString("\n|---|" + strings.Repeat("---|", len(authMethods)) + "\n")
	for _, use := range authUses {
		fmt.Fprintf(&text, "| %s |", use.name)
		for _, method := range authMethods {
			var cell []string
			for kind, letter := range map[string]string{oidcProvider: "O", fosite: "F"} {
				if works(kind, method, use.name) {
					cell = append(cell, letter)
				}
			}
			if slices.Sort(cell); len(cell) == 0 {
				cell = []string{"—"}
			}
			slices.Reverse(cell)
			fmt.Fprintf(&text, " %s |", strings.Join(cell, " "))
		}
		text.WriteString("\n")
	}
	return text.String()
}

// attempt is one client at one server, with the token of its sign-in.
type attempt struct {
	trial
	cfg    oauth2grant.Config
	signed oauth2grant.Token
}

func (a *attempt) client(t *testing.T, scopes ...string) *oauth2grant.Client {
	t.Helper()
	cfg := a.cfg
	cfg.Scopes = scopes
	c, err := oauth2grant.NewClient(cfg)
	must(t, err)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// run runs a flow, and looks at whose token comes of it; subject empty: the
// client's own.
func (a *attempt) run(t *testing.T, flow oauth2grant.Flow, subject string, scopes ...string) oauth2grant.Token {
	t.Helper()
	token, err := flow.Run(t.Context(), a.client(t, scopes...))
	must(t, err)
	a.check(t, token, subject)
	return token
}

func (a *attempt) check(t *testing.T, token oauth2grant.Token, subject string) {
	t.Helper()
	got := a.inspect(t, token.AccessToken)
	isPersons := got.Subject == "alice"
	if !got.Active || got.ClientID != a.cfg.Auth.ClientID() || isPersons != (subject == "alice") {
		t.Errorf("the server says active %t, client %q, subject %q", got.Active, got.ClientID, got.Subject)
	}
}

func (a *attempt) clientCredentials(t *testing.T) {
	a.run(t, oauth2grant.ClientCredentials{}, "", "read")
}

func (a *attempt) password(t *testing.T) { a.run(t, alice, "alice", offline...) }

func (a *attempt) code(t *testing.T) {
	a.signed = a.run(t, oauth2grant.AuthCode{Open: withoutABrowser, Params: unasked()}, "alice", personal...)
}

// unasked are the parameters of a sign-in at which nobody is asked.
func unasked() url.Values {
	params := consent()
	params.Set("login_hint", "auto:alice")
	return params
}

func (a *attempt) push(t *testing.T) {
	cfg := a.cfg
	cfg.PushedAuthorization, cfg.Scopes = true, []string{"openid"}
	c, err := oauth2grant.NewClient(cfg)
	must(t, err)
	defer c.CloseIdleConnections()
	request, err := c.BeginAuthorization(t.Context(), "http://127.0.0.1/callback", nil)
	must(t, err)
	u, err := url.Parse(request.URL)
	must(t, err)
	if !u.Query().Has("request_uri") || u.Query().Has("redirect_uri") {
		t.Errorf("the browser carries %v", u.Query())
	}
}

func (a *attempt) device(t *testing.T) {
	a.run(t, oauth2grant.DeviceCode{Prompt: connectsByHand(a.pages), Params: unasked()}, "alice", personal...)
}

func (a *attempt) assertion(t *testing.T) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: a.key}, nil)
	must(t, err)
	now := time.Now()
	assertion, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: authserver.Platform, Subject: "alice", Audience: jwt.Audience{a.audience},
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
		ID: t.Name() + now.String(),
	}).Serialize()
	must(t, err)
	a.run(t, oauth2grant.JWTBearer{Assertion: constantly(assertion)}, "alice", "read")
}

func (a *attempt) exchange(t *testing.T) {
	a.run(t, oauth2grant.TokenExchange{
		Subject: constantly(a.signed.AccessToken), SubjectType: oauth2grant.TokenTypeAccessToken,
	}, "alice", "read")
}

func (a *attempt) refresh(t *testing.T) {
	token, err := a.client(t).Refresh(t.Context(), a.signed.RefreshToken, nil)
	must(t, err)
	a.check(t, token, "alice")
	a.signed = token
}

func (a *attempt) introspect(t *testing.T) {
	got, err := a.client(t).Introspect(t.Context(), a.signed.AccessToken, "access_token")
	if err != nil || !got.Active || got.Subject != "alice" {
		t.Errorf("got %v, %v", got, err)
	}
}

func (a *attempt) revoke(t *testing.T) {
	must(t, a.client(t).Revoke(t.Context(), a.signed.RefreshToken, "refresh_token"))
	a.wantDead(t, "a revoked refresh token", a.signed.RefreshToken)
}
