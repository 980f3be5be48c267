package granttest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestRefresh_Rotates(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	access, first, _ := srv.Issue("client", "alice", "read", "write")
	a := refresh(t, srv, first)
	wantCode(t, a, "")
	if a.get("scope") != "read write" {
		t.Errorf("scope %q", a.get("scope"))
	}
	if srv.Active(first) || !srv.Active(a.get("refresh_token")) || !srv.Active(a.get("access_token")) ||
		!srv.Active(access) {
		t.Error("want the old refresh token dead, the rest alive")
	}
}

func TestRefresh_ARotatedTokenThatComesBackKillsTheWholeFamily(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	_, first, _ := srv.Issue("client", "alice")
	other, _, _ := srv.Issue("client", "alice")
	second := refresh(t, srv, first)
	third := refresh(t, srv, second.get("refresh_token"))
	wantCode(t, third, "")
	wantCode(t, refresh(t, srv, first), "invalid_grant")
	for _, a := range []answer{second, third} {
		if srv.Active(a.get("access_token")) || srv.Active(a.get("refresh_token")) {
			t.Error("a descendant survived")
		}
	}
	wantCode(t, refresh(t, srv, third.get("refresh_token")), "invalid_grant")
	wantCode(t, refresh(t, srv, first), "invalid_grant")
	if !srv.Active(other) {
		t.Error("another sign-in of the same person died too")
	}
	if srv.ReuseDetected() != 1 {
		t.Errorf("%d families killed, want 1", srv.ReuseDetected())
	}
}

func TestRefresh_ATokenIsBoundToItsClient(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	_, token, _ := srv.Issue("client", "alice")
	f := form("grant_type", "refresh_token", "refresh_token", token, "client_id", "native")
	wantCode(t, post(t, srv, granttest.Token, f), "invalid_grant")
	rotated := refresh(t, srv, token)
	wantCode(t, rotated, "")
	wantCode(t, post(t, srv, granttest.Token, f), "invalid_grant")
	if srv.ReuseDetected() != 0 || !srv.Active(rotated.get("refresh_token")) {
		t.Error("another client could kill the family")
	}
}

func TestRefresh_MayNarrowTheScopeButNotWidenIt(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	_, token, _ := srv.Issue("client", "alice", "read", "write")
	wantCode(t, refresh(t, srv, token, "scope", "read admin"), "invalid_scope")
	narrow := refresh(t, srv, token, "scope", "read")
	if narrow.get("scope") != "read" {
		t.Errorf("answer %s", narrow.Text)
	}
	if again := refresh(t, srv, narrow.get("refresh_token")); again.get("scope") != "read write" {
		t.Errorf("a narrowed refresh narrowed the grant: %s", again.Text)
	}
}

func TestRefresh_RefusesAnythingButARefreshToken(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	access, _, _ := srv.Issue("client", "alice")
	wantCode(t, refresh(t, srv, access), "invalid_grant")
	wantCode(t, refresh(t, srv, "unknown"), "invalid_grant")
	wantCode(t, post(t, srv, granttest.Token, form("grant_type", "refresh_token"), confidential), "invalid_request")
}

func TestRefresh_RotationCanBeTurnedOff(t *testing.T) {
	srv := granttest.New(granttest.Config{KeepRefreshTokens: true})
	_, token, _ := srv.Issue("client", "alice")
	for range 3 {
		a := refresh(t, srv, token)
		wantCode(t, a, "")
		if a.JSON["refresh_token"] != nil {
			t.Error("a refresh token in the answer")
		}
	}
}

func TestRefresh_ARotatedTokenHasItsGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{Grace: 10 * time.Second})
		_, token, _ := srv.Issue("client", "alice")
		first := refresh(t, srv, token)
		time.Sleep(9 * time.Second)
		again := refresh(t, srv, token)
		wantCode(t, again, "")
		if !srv.Active(first.get("refresh_token")) || !srv.Active(again.get("refresh_token")) {
			t.Error("one of the two answers is dead")
		}
		time.Sleep(time.Second)
		wantCode(t, refresh(t, srv, token), "invalid_grant")
		if srv.Active(again.get("refresh_token")) || srv.ReuseDetected() != 1 {
			t.Error("the family outlived the grace")
		}
	})
}

func TestServer_TokensExpireInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{Lifetime: time.Hour, RefreshLifetime: 24 * time.Hour})
		access, token, _ := srv.Issue("client", "alice")
		time.Sleep(time.Hour - time.Nanosecond)
		if !srv.Active(access) {
			t.Error("the access token expired early")
		}
		time.Sleep(time.Nanosecond)
		if srv.Active(access) {
			t.Error("the access token did not expire")
		}
		time.Sleep(22 * time.Hour)
		rotated := refresh(t, srv, token)
		wantCode(t, rotated, "")
		time.Sleep(23 * time.Hour)
		if !srv.Active(rotated.get("refresh_token")) {
			t.Error("rotation did not renew the lifetime")
		}
		time.Sleep(time.Hour)
		wantCode(t, refresh(t, srv, rotated.get("refresh_token")), "invalid_grant")
		if srv.ReuseDetected() != 0 {
			t.Error("expiry was taken for reuse")
		}
	})
}
