package granttest_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestToken_OfClientCredentialsIsTakenByTheAPI(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	a := post(t, srv, granttest.Token, form("grant_type", "client_credentials", "scope", " a  b "), confidential)
	wantCode(t, a, "")
	if a.get("token_type") != "Bearer" || a.JSON["expires_in"] != 3600.0 || a.get("scope") != "a b" {
		t.Errorf("answer %s", a.Text)
	}
	if a.JSON["refresh_token"] != nil {
		t.Error("client_credentials gave a refresh token")
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Error("a token answer may be cached")
	}
	if api := get(t, srv, srv.URL(granttest.Resource), bearer(a.get("access_token"))); api.Status != http.StatusOK {
		t.Errorf("the API answered %d", api.Status)
	}
}

func TestToken_ThePasswordGrantKnowsItsUsers(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	for name, c := range map[string]struct{ user, password, code string }{
		"the right password":               {"alice", "wonderland", ""},
		"a wrong password is refused":      {"alice", "looking-glass", "invalid_grant"},
		"an unknown user is refused":       {"bob", "", "invalid_grant"},
		"an empty password is no password": {"alice", "", "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			f := form("grant_type", "password", "username", c.user, "password", c.password)
			a := post(t, srv, granttest.Token, f, confidential)
			wantCode(t, a, c.code)
			if srv.Active(a.get("refresh_token")) != (c.code == "") {
				t.Errorf("refresh token in %s", a.Text)
			}
		})
	}
	wantCode(t, post(t, srv, granttest.Token, form("grant_type", "password"), confidential), "invalid_request")
}

func TestToken_ClientsAreAuthenticated(t *testing.T) {
	odd := granttest.Client{ID: "a:b +ü", Secret: "s%:cret&"}
	srv := granttest.New(granttest.Config{
		Clients: []granttest.Client{{ID: "client", Secret: "secret"}, {ID: "native"}, odd},
		Assertion: func(assertion string) (string, error) {
			if assertion != "signed" {
				return "", errors.New("not signed")
			}
			return "client", nil
		},
	})
	basic := func(id, secret string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(id, secret) }
	}
	none := func(*http.Request) {}
	const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	for name, c := range map[string]struct {
		pairs []string
		edit  func(*http.Request)
		code  string
	}{
		"by Basic":                            {nil, basic("client", "secret"), ""},
		"by Basic, form-encoded":              {nil, basic("a%3Ab+%2B%C3%BC", "s%25%3Acret%26"), ""},
		"by Basic, not encoded":               {nil, basic("a:b +ü", "s%:cret&"), "invalid_client"},
		"by Basic, naming itself in the body": {[]string{"client_id", "client"}, basic("client", "secret"), ""},
		"by Basic, naming another in the body": {
			[]string{"client_id", "native"}, basic("client", "secret"), "invalid_request",
		},
		"by Basic with a wrong secret": {nil, basic("client", "wrong"), "invalid_client"},
		"by post": {
			[]string{"client_id", "client", "client_secret", "secret"}, none, "",
		},
		"by post with a wrong secret": {
			[]string{"client_id", "client", "client_secret", "wrong"}, none, "invalid_client",
		},
		"by post without the secret": {[]string{"client_id", "client"}, none, "invalid_client"},
		"by post and Basic": {
			[]string{"client_id", "client", "client_secret", "secret"}, basic("client", "secret"), "invalid_request",
		},
		"by a name alone, as a public client": {[]string{"client_id", "native"}, none, ""},
		"by a secret that no public client has": {
			[]string{"client_id", "native", "client_secret", "x"}, none, "invalid_client",
		},
		"by an unknown name": {[]string{"client_id", "nobody"}, none, "invalid_client"},
		"by nothing":         {nil, none, "invalid_client"},
		"by a token":         {[]string{"client_id", "native"}, bearer("x"), "invalid_client"},
		"by an assertion": {
			[]string{"client_assertion_type", assertionType, "client_assertion", "signed"}, none, "",
		},
		"by a bad assertion": {
			[]string{"client_assertion_type", assertionType, "client_assertion", "x"}, none, "invalid_client",
		},
		"by an assertion of another client": {
			[]string{"client_id", "native", "client_assertion_type", assertionType, "client_assertion", "signed"},
			none,
			"invalid_client",
		},
		"by an assertion of an unsupported type": {
			[]string{"client_assertion_type", "saml", "client_assertion", "signed"}, none, "invalid_request",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := form(append(c.pairs, "grant_type", "password", "username", "alice", "password", "wonderland")...)
			a := post(t, srv, granttest.Token, f, c.edit)
			wantCode(t, a, c.code)
			challenged := a.Header.Get("WWW-Authenticate") != "" && a.Status == http.StatusUnauthorized
			if challenged != (c.code == "invalid_client") {
				t.Errorf("answered %d with WWW-Authenticate %q", a.Status, a.Header.Get("WWW-Authenticate"))
			}
		})
	}
}

func TestToken_APublicClientHasNoCredentialsOfItsOwn(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	wantCode(t, post(t, srv, granttest.Token, form("grant_type", "client_credentials", "client_id", "native")),
		"unauthorized_client")
}

func TestToken_RequestsAreWellFormedPosts(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	f := form("grant_type", "client_credentials")
	plain := func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }
	wantCode(t, post(t, srv, granttest.Token, f, confidential, plain), "invalid_request")
	wantCode(t, post(t, srv, granttest.Token, form("grant_type", "x", "grant_type", "x"), confidential),
		"invalid_request")
	wantCode(t, post(t, srv, granttest.Token,
		form("grant_type", "client_credentials", "resource", "a", "resource", "b"), confidential), "")
	wantCode(t, post(t, srv, granttest.Token, form(), confidential), "invalid_request")
	wantCode(t, post(t, srv, granttest.Token, form("grant_type", "implicit"), confidential), "unsupported_grant_type")
	broken := request(t, http.MethodPost, srv.URL(granttest.Token), "grant_type=%zz", confidential)
	wantCode(t, send(t, srv, broken), "invalid_request")
}

func TestServer_EndpointsRefuseOtherMethods(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	for e, method := range map[granttest.Endpoint]string{
		granttest.Token: http.MethodGet, granttest.Revocation: http.MethodGet, granttest.Introspection: http.MethodPut,
		granttest.PAR: http.MethodHead, granttest.DeviceAuthorization: http.MethodDelete,
		granttest.Discovery: http.MethodPost, granttest.OpenIDConfiguration: http.MethodHead,
		granttest.Authorize: http.MethodHead, granttest.UserInfo: http.MethodPut,
		granttest.DeviceVerification: http.MethodPost,
	} {
		a := send(t, srv, request(t, method, srv.URL(e), ""))
		if a.Status != http.StatusMethodNotAllowed || a.Header.Get("Allow") == "" {
			t.Errorf("%s %s answered %d", method, e, a.Status)
		}
	}
	if a := get(t, srv, srv.URL("/nowhere")); a.Status != http.StatusNotFound {
		t.Errorf("an unknown path answered %d", a.Status)
	}
}

func TestConfig_SaysWhichGrantsAreRefreshable(t *testing.T) {
	f := form("grant_type", "password", "username", "alice", "password", "wonderland")
	srv := granttest.New(granttest.Config{RefreshFor: []string{}})
	if a := post(t, srv, granttest.Token, f, confidential); a.JSON["refresh_token"] != nil {
		t.Error("a refresh token although RefreshFor is empty")
	}
	srv = granttest.New(granttest.Config{RefreshFor: []string{"client_credentials"}})
	a := post(t, srv, granttest.Token, form("grant_type", "client_credentials"), confidential)
	wantCode(t, refresh(t, srv, a.get("refresh_token")), "")
}

func TestConfig_ALifetimeCanBeUnknown(t *testing.T) {
	srv := granttest.New(granttest.Config{Lifetime: -1})
	a := post(t, srv, granttest.Token, form("grant_type", "client_credentials"), confidential)
	if _, ok := a.JSON["expires_in"]; ok || !srv.Active(a.get("access_token")) {
		t.Errorf("answer %s", a.Text)
	}
	if _, _, expiresIn := srv.Issue("client", "alice"); expiresIn != 0 {
		t.Errorf("Issue says %v", expiresIn)
	}
	_, _, expiresIn := granttest.New(granttest.Config{Lifetime: time.Minute}).Issue("client", "alice")
	if expiresIn != time.Minute {
		t.Errorf("Issue says %v", expiresIn)
	}
}
