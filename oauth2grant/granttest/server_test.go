package granttest_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestRequests_HoldWhatClientsSent(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	get(t, srv, srv.URL(granttest.Discovery))
	post(t, srv, granttest.Token, form("grant_type", "password", "client_id", "native"))
	post(t, srv, granttest.Token, form("grant_type", "client_credentials"), confidential)
	send(t, srv, request(t, http.MethodPut, srv.URL(granttest.Resource)+"?q=1", "body"))
	if srv.Count(granttest.Token) != 2 || len(srv.Requests()) != 4 ||
		len(srv.Requests(granttest.Discovery, granttest.Resource)) != 2 {
		t.Errorf("log %v", srv.Requests())
	}
	token := srv.Requests(granttest.Token)
	if r := token[0]; r.ClientID != "native" || r.Form.Get("grant_type") != "password" ||
		r.Status != http.StatusBadRequest ||
		r.Code != "invalid_request" || r.Time.IsZero() || r.Method != http.MethodPost {
		t.Errorf("entry %+v", r)
	}
	r := token[1]
	if r.ClientID != "client" || r.Header.Get("Authorization") == "" || r.Status != http.StatusOK || r.Code != "" {
		t.Errorf("entry %+v", r)
	}
	if r := srv.Requests(granttest.Resource)[0]; r.Body != "body" || r.Form.Get("q") != "1" ||
		r.URL != srv.URL(granttest.Resource)+"?q=1" {
		t.Errorf("entry %+v", r)
	}
	token[0].Form.Set("grant_type", "changed")
	token[0].Header.Set("Content-Type", "changed")
	if r := srv.Requests(granttest.Token)[0]; r.Form.Get("grant_type") == "changed" ||
		r.Header.Get("Content-Type") == "changed" {
		t.Error("the log shares its maps with its reader")
	}
	access, _, _ := srv.Issue("client", "alice")
	srv.Reset()
	if len(srv.Requests()) != 0 || !srv.Active(access) {
		t.Error("Reset forgets the log and nothing else")
	}
}

func TestMetadata_NamesEveryEndpoint(t *testing.T) {
	for name, issuer := range map[string]string{
		"of an issuer without a path":    "https://as.example",
		"of an issuer with a slash":      "https://as.example/",
		"of an issuer with a path":       "https://as.example/tenant/7",
		"of an issuer with both of them": "https://as.example/tenant/",
	} {
		t.Run(name, func(t *testing.T) {
			srv := granttest.New(granttest.Config{Issuer: issuer})
			for _, e := range []granttest.Endpoint{granttest.Discovery, granttest.OpenIDConfiguration} {
				a := get(t, srv, srv.URL(e))
				for member, endpoint := range map[string]granttest.Endpoint{
					"token_endpoint": granttest.Token, "authorization_endpoint": granttest.Authorize,
					"device_authorization_endpoint": granttest.DeviceAuthorization,
					"revocation_endpoint":           granttest.Revocation,
					"introspection_endpoint":        granttest.Introspection, "userinfo_endpoint": granttest.UserInfo,
					"pushed_authorization_request_endpoint": granttest.PAR,
				} {
					if a.get(member) != srv.URL(endpoint) {
						t.Errorf("%s has %s %q, want %q", e, member, a.get(member), srv.URL(endpoint))
					}
				}
				if a.get("issuer") != issuer || a.JSON["authorization_response_iss_parameter_supported"] != true {
					t.Errorf("%s is %s", e, a.Text)
				}
				methods, _ := a.JSON["code_challenge_methods_supported"].([]any)
				if !slices.Contains(methods, any("S256")) || !slices.Contains(methods, any("plain")) {
					t.Errorf("%s has PKCE methods %v", e, methods)
				}
				grants, _ := a.JSON["grant_types_supported"].([]any)
				if len(grants) != 5 || !slices.Contains(grants, any(device)) {
					t.Errorf("%s has grant types %v", e, grants)
				}
			}
			wantCode(t, post(t, srv, granttest.Token, form("grant_type", "client_credentials"), confidential), "")
		})
	}
}

func TestMetadata_OfAPathIsNotThatOfTheHost(t *testing.T) {
	srv := granttest.New(granttest.Config{Issuer: "https://as.example/tenant"})
	want := "https://as.example/.well-known/oauth-authorization-server/tenant"
	if srv.URL(granttest.Discovery) != want {
		t.Errorf("URL %s, want %s", srv.URL(granttest.Discovery), want)
	}
	for _, target := range []string{
		"https://as.example/.well-known/oauth-authorization-server",
		"https://as.example/tenant/.well-known/oauth-authorization-server",
		"https://as.example/token",
	} {
		if a := get(t, srv, target); a.Status != http.StatusNotFound {
			t.Errorf("%s answered %d", target, a.Status)
		}
	}
}

func TestMetadata_AdvertisesAssertionsWhereTheyAreChecked(t *testing.T) {
	srv := granttest.New(granttest.Config{Assertion: func(string) (string, error) { return "client", nil }})
	methods, _ := get(t, srv, srv.URL(granttest.Discovery)).JSON["token_endpoint_auth_methods_supported"].([]any)
	if !slices.Contains(methods, any("private_key_jwt")) {
		t.Errorf("methods %v", methods)
	}
}

func TestServer_WorksBehindASocket(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	ts := httptest.NewServer(srv)
	defer ts.Close()
	srv.SetIssuer(ts.URL)
	access, _, _ := srv.Issue("client", "alice")
	for target, want := range map[string]int{
		srv.URL(granttest.Resource):  http.StatusOK,
		srv.URL(granttest.Discovery): http.StatusOK,
		srv.URL(granttest.Token):     http.StatusMethodNotAllowed,
	} {
		response, err := ts.Client().Do(request(t, http.MethodGet, target, "", bearer(access)))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s answered %d", target, response.StatusCode)
		}
	}
}

func TestIssue_KnowsOnlyRegisteredClients(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Issue made a token that no client can use")
		}
	}()
	granttest.New(granttest.Config{}).Issue("nobody", "alice")
}

func TestConfig_IsCopied(t *testing.T) {
	cfg := granttest.Config{
		Clients: []granttest.Client{{ID: "client", Secret: "secret"}},
		Users:   map[string]string{"alice": "wonderland"},
	}
	srv := granttest.New(cfg)
	cfg.Clients[0].Secret = "changed"
	cfg.Users["alice"] = "changed"
	f := form("grant_type", "password", "username", "alice", "password", "wonderland")
	wantCode(t, post(t, srv, granttest.Token, f, confidential), "")
}
