package granttest_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func registering(r granttest.Registration) *granttest.Server {
	return granttest.New(granttest.Config{Registration: &r})
}

func register(t *testing.T, srv *granttest.Server, method, target, bearer, body string) answer {
	t.Helper()
	return send(t, srv, request(t, method, target, body, func(r *http.Request) {
		r.Header.Set("Content-Type", "application/json")
		if bearer != "" {
			r.Header.Set("Authorization", "Bearer "+bearer)
		}
	}))
}

const native = `{"redirect_uris":["` + callback + `"],"token_endpoint_auth_method":"none"}`

func TestRegister(t *testing.T) {
	for name, c := range map[string]struct {
		server       granttest.Registration
		request      string
		status       int
		method, code string
	}{
		"a public client": {granttest.Registration{}, native, 201, "none", ""},
		"a confidential one": {
			granttest.Registration{}, `{"redirect_uris":["` + callback + `"]}`, 201, "client_secret_basic", "",
		},
		"one that is given a secret": {
			granttest.Registration{Confidential: true}, native, 201, "client_secret_basic", "",
		},
		"a device": {
			granttest.Registration{},
			`{"grant_types":["` + device + `"],"token_endpoint_auth_method":"none"}`,
			201, "none", "",
		},
		"one without a redirect URI": {granttest.Registration{}, `{}`, 400, "", "invalid_redirect_uri"},
		"what is no JSON":            {granttest.Registration{}, `client_name=x`, 400, "", "invalid_client_metadata"},
		"a secret in the form wished": {
			granttest.Registration{}, `{"redirect_uris":["` + callback +
				`"],"token_endpoint_auth_method":"client_secret_post"}`, 201, "client_secret_post", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := registering(c.server)
			a := register(t, srv, http.MethodPost, srv.URL(granttest.Register), "", c.request)
			if a.Status != c.status || a.get("token_endpoint_auth_method") != c.method || a.get("error") != c.code {
				t.Errorf("got %d %s", a.Status, a.Text)
			}
			if c.status == 201 && (a.get("client_id") == "" || (a.get("client_secret") == "") != (c.method == "none")) {
				t.Errorf("got %s", a.Text)
			}
		})
	}
}

func TestRegister_SecretsExpireAndAreRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := registering(granttest.Registration{SecretLifetime: time.Hour})
		a := register(t, srv, http.MethodPost, srv.URL(granttest.Register), "", `{"redirect_uris":["`+callback+`"]}`)
		id, uri, bearer := a.get("client_id"), a.get("registration_client_uri"), a.get("registration_access_token")
		ask := func(secret string) answer {
			return send(t, srv, request(t, http.MethodPost, srv.URL(granttest.Token), "grant_type=client_credentials",
				func(r *http.Request) {
					r.SetBasicAuth(id, secret)
				}))
		}
		if got := ask(a.get("client_secret")); got.Status != 200 {
			t.Fatalf("got %s", got.Text)
		}
		time.Sleep(time.Hour)
		if got := ask(a.get("client_secret")); got.get("error") != "invalid_client" {
			t.Fatalf("an expired secret: %s", got.Text)
		}
		update := `{"client_id":"` + id + `","redirect_uris":["` + callback + `"]}`
		if got := register(t, srv, http.MethodPut, uri, "wrong", update); got.Status != 401 {
			t.Fatalf("another's registration: %d", got.Status)
		}
		renewed := register(t, srv, http.MethodPut, uri, bearer, update)
		if got := ask(renewed.get("client_secret")); got.Status != 200 {
			t.Fatalf("the new secret: %s", got.Text)
		}
		if got := register(t, srv, http.MethodGet, uri, bearer, ""); got.get("client_id") != id {
			t.Fatalf("reading it: %s", got.Text)
		}
		if got := register(t, srv, http.MethodDelete, uri, bearer, ""); got.Status != 204 {
			t.Fatalf("deleting it: %d", got.Status)
		}
		if got := ask(renewed.get("client_secret")); got.get("error") != "invalid_client" {
			t.Fatalf("a deleted client: %s", got.Text)
		}
	})
}

func TestProtectedResource(t *testing.T) {
	srv := granttest.New(granttest.Config{
		Issuer: "https://as.example/tenant", Scopes: []string{"read"},
		ProtectedResource: &granttest.ProtectedResource{
			Scopes: []string{"read"}, Requires: func(*http.Request) []string { return []string{"read"} },
		},
	})
	a := send(t, srv, request(t, http.MethodGet, srv.URL(granttest.Resource), ""))
	where := "https://as.example/.well-known/oauth-protected-resource/tenant/api"
	want := `Bearer realm="granttest", resource_metadata="` + where + `", scope="read"`
	if got := a.Header.Get("WWW-Authenticate"); got != want {
		t.Fatalf("the challenge is %s", got)
	}
	m := send(t, srv, request(t, http.MethodGet, where, ""))
	if m.get("resource") != srv.URL(granttest.Resource) || m.Status != 200 {
		t.Fatalf("the metadata is %s", m.Text)
	}
	token := func(scope string) string {
		a := send(t, srv, request(t, http.MethodPost, srv.URL(granttest.Token),
			"grant_type=client_credentials&scope="+scope, confidential))
		return a.get("access_token")
	}
	for scope, want := range map[string]int{"write": 403, "read": 200} {
		a := send(t, srv, request(t, http.MethodGet, srv.URL(granttest.Resource), "", func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer "+token(scope))
		}))
		if a.Status != want {
			t.Errorf("with %s: %d %s", scope, a.Status, a.Header.Get("WWW-Authenticate"))
		}
	}
	srv.SetProtectedResource(nil)
	if m := send(t, srv, request(t, http.MethodGet, where, "")); m.Status != 404 {
		t.Errorf("got %d", m.Status)
	}
}

func TestClientDocuments(t *testing.T) {
	const id = "https://agent.example/client.json"
	for document, want := range map[string]string{
		`{"client_id":"` + id + `","redirect_uris":["` + callback + `"]}`:            "",
		`{"client_id":"https://other.example","redirect_uris":["` + callback + `"]}`: "invalid_request",
		`{"client_id":"` + id + `"}`: "invalid_request",
		`nothing`:                    "invalid_request",
	} {
		srv := granttest.New(granttest.Config{ClientDocuments: map[string]string{id: document}})
		q := form("client_id", id, "redirect_uri", callback, "response_type", "code", "login_hint", "auto:alice",
			"code_challenge", challenge, "code_challenge_method", "S256")
		a := send(t, srv, request(t, http.MethodGet, srv.URL(granttest.Authorize)+"?"+q.Encode(), ""))
		if (a.Status == http.StatusFound) != (want == "") {
			t.Errorf("%s: got %d %s", document, a.Status, a.Text)
		}
	}
}
