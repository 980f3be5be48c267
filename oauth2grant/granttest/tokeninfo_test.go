package granttest_test

import (
	"net/http"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestRevocation_TakesTheFamilyOfARefreshTokenAndAnAccessTokenAlone(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	access, token, _ := srv.Issue("client", "alice")
	other, _, _ := srv.Issue("client", "alice")
	revoke := func(token string) answer {
		return post(t, srv, granttest.Revocation, form("token", token), confidential)
	}
	wantCode(t, revoke("unknown"), "")
	wantCode(t, revoke(access), "")
	if srv.Active(access) || !srv.Active(token) {
		t.Error("want the access token dead, the refresh token alive")
	}
	next := refresh(t, srv, token)
	wantCode(t, revoke(next.get("refresh_token")), "")
	if srv.Active(next.get("access_token")) || srv.Active(next.get("refresh_token")) || !srv.Active(other) {
		t.Error("want this family dead and no other")
	}
	wantCode(t, revoke(""), "invalid_request")
	wantCode(t, post(t, srv, granttest.Revocation, form("token", other)), "invalid_client")
	wantCode(t, post(t, srv, granttest.Revocation, form("token", other, "client_id", "native")), "invalid_grant")
	if !srv.Active(other) {
		t.Error("another client revoked the token")
	}
}

func TestRevoke_TakesTheFamilyByAnyOfItsTokens(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	access, token, _ := srv.Issue("client", "alice")
	srv.RevokeToken("unknown")
	srv.RevokeToken(access)
	if srv.Active(access) || srv.Active(token) {
		t.Error("the family survived")
	}
	wantCode(t, refresh(t, srv, token), "invalid_grant")
	if srv.ReuseDetected() != 0 {
		t.Error("revocation was taken for reuse")
	}
}

func TestIntrospection_SaysWhatATokenIs(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	access, token, _ := srv.Issue("native", "alice", "read")
	introspect := func(token string) answer {
		t.Helper()
		a := post(t, srv, granttest.Introspection, form("token", token), confidential)
		wantCode(t, a, "")
		return a
	}
	a := introspect(access)
	if a.JSON["active"] != true || a.get("scope") != "read" || a.get("client_id") != "native" ||
		a.get("username") != "alice" ||
		a.get("sub") != "alice" || a.get("token_type") != "Bearer" ||
		a.JSON["exp"].(float64)-a.JSON["iat"].(float64) != 3600 {
		t.Errorf("answer %s", a.Text)
	}
	if a := introspect(token); a.JSON["active"] != true || a.JSON["exp"] != nil || a.JSON["token_type"] != nil {
		t.Errorf("answer %s", a.Text)
	}
	machine, _, _ := srv.Issue("client", "")
	if a := introspect(machine); a.get("sub") != "client" || a.JSON["username"] != nil {
		t.Errorf("answer %s", a.Text)
	}
	srv.RevokeToken(token)
	if a := introspect(access); a.JSON["active"] != false || len(a.JSON) != 1 {
		t.Errorf("answer %s", a.Text)
	}
	wantCode(t, post(t, srv, granttest.Introspection, form(), confidential), "invalid_request")
	wantCode(t, post(t, srv, granttest.Introspection, form("token", machine, "client_id", "native")), "invalid_client")
}

func TestResource_ChallengesAsRFC6750Says(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	access, token, _ := srv.Issue("client", "alice", "read")
	const realm = `Bearer realm="granttest"`
	for name, c := range map[string]struct {
		authorization string
		status        int
		challenge     string
	}{
		"a good token opens it":         {"Bearer " + access, http.StatusOK, ""},
		"the scheme may be in any case": {"bearer " + access, http.StatusOK, ""},
		"no token is no error":          {"", http.StatusUnauthorized, realm},
		"another scheme is no token":    {"Basic eDp5", http.StatusUnauthorized, realm},
		"an unknown token is invalid": {
			"Bearer x", http.StatusUnauthorized, realm + `, error="invalid_token"`,
		},
		"a refresh token is not an access token": {
			"Bearer " + token, http.StatusUnauthorized, realm + `, error="invalid_token"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, e := range []granttest.Endpoint{
				granttest.Resource, granttest.Resource + "/orders/7", granttest.UserInfo,
			} {
				a := get(t, srv, srv.URL(e), func(r *http.Request) {
					if c.authorization != "" {
						r.Header.Set("Authorization", c.authorization)
					}
				})
				if a.Status != c.status || a.Header.Get("WWW-Authenticate") != c.challenge {
					t.Errorf("%s answered %d %q", e, a.Status, a.Header.Get("WWW-Authenticate"))
				}
			}
		})
	}
}

func TestUserInfo_IsAboutPeople(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	access, _, _ := srv.Issue("client", "alice")
	a := get(t, srv, srv.URL(granttest.UserInfo), bearer(access))
	if a.get("sub") != "alice" || a.get("email") != "alice@granttest.example" {
		t.Errorf("answer %s", a.Text)
	}
	machine, _, _ := srv.Issue("client", "")
	a = get(t, srv, srv.URL(granttest.UserInfo), bearer(machine))
	wantCode(t, a, "insufficient_scope")
	if a.Status != http.StatusForbidden {
		t.Errorf("answered %d", a.Status)
	}
}
