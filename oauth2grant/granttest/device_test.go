package granttest_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func connect(t *testing.T, srv *granttest.Server, pairs ...string) answer {
	t.Helper()
	a := post(t, srv, granttest.DeviceAuthorization, form(append(pairs, "client_id", "native", "scope", "tv")...))
	wantCode(t, a, "")
	return a
}

func poll(t *testing.T, srv *granttest.Server, d answer, pairs ...string) answer {
	t.Helper()
	f := form(append(pairs, "grant_type", device, "client_id", "native", "device_code", d.get("device_code"))...)
	return post(t, srv, granttest.Token, f)
}

func TestDevice_PollsUntilThePersonApproves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		d := connect(t, srv)
		if d.JSON["interval"] != 5.0 || d.JSON["expires_in"] != 600.0 ||
			d.get("verification_uri") != srv.URL(granttest.DeviceVerification) {
			t.Errorf("answer %s", d.Text)
		}
		if query(t, d.get("verification_uri_complete")).Get("user_code") != d.get("user_code") {
			t.Errorf("verification_uri_complete in %s", d.Text)
		}
		wantCode(t, poll(t, srv, d), "authorization_pending")
		time.Sleep(5 * time.Second)
		wantCode(t, poll(t, srv, d), "authorization_pending")
		err := srv.ApproveDevice(strings.ToLower(strings.ReplaceAll(d.get("user_code"), "-", "")), "alice")
		if err != nil {
			t.Fatal(err)
		}
		a := poll(t, srv, d)
		wantCode(t, a, "")
		if a.get("scope") != "tv" || !srv.Active(a.get("refresh_token")) {
			t.Errorf("answer %s", a.Text)
		}
		wantCode(t, poll(t, srv, d), "invalid_grant")
	})
}

func TestDevice_IsSlowedDownIfItIsImpatient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{DeviceInterval: 2 * time.Second})
		d := connect(t, srv)
		wantCode(t, poll(t, srv, d), "authorization_pending")
		time.Sleep(2*time.Second - 1)
		wantCode(t, poll(t, srv, d), "slow_down")
		time.Sleep(7*time.Second - 1)
		wantCode(t, poll(t, srv, d), "slow_down")
		time.Sleep(12 * time.Second)
		wantCode(t, poll(t, srv, d), "authorization_pending")
	})
}

func TestDevice_IsToldTheOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{DeviceLifetime: time.Minute})
		d := connect(t, srv)
		if err := srv.DenyDevice(d.get("user_code")); err != nil {
			t.Fatal(err)
		}
		wantCode(t, poll(t, srv, d), "access_denied")
		d = connect(t, srv)
		time.Sleep(time.Minute)
		wantCode(t, poll(t, srv, d), "expired_token")
		for _, err := range []error{
			srv.ApproveDevice(d.get("user_code"), "alice"),
			srv.DenyDevice(d.get("user_code")),
			srv.ApproveDevice("AAAA-AAAA", "alice"),
			srv.ApproveDevice(connect(t, srv).get("user_code"), "nobody"),
		} {
			if _, ok := errors.AsType[*granttest.Refusal](err); !ok {
				t.Errorf("got %v, want a refusal", err)
			}
		}
	})
}

func TestDevice_ACodeIsBoundToItsClientAndChallenge(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	d := connect(t, srv, "code_challenge", challenge, "code_challenge_method", "S256")
	if err := srv.ApproveDevice(d.get("user_code"), "alice"); err != nil {
		t.Fatal(err)
	}
	stolen := form("grant_type", device, "device_code", d.get("device_code"), "code_verifier", verifier)
	wantCode(t, post(t, srv, granttest.Token, stolen, confidential), "invalid_grant")
	wantCode(t, poll(t, srv, d), "invalid_grant")
	wantCode(t, poll(t, srv, d, "code_verifier", verifier), "")
	wantCode(t, post(t, srv, granttest.Token, form("grant_type", device), confidential), "invalid_request")
	bad := form("client_id", "native", "code_challenge_method", "S256")
	wantCode(t, post(t, srv, granttest.DeviceAuthorization, bad), "invalid_request")
}

func TestDevice_TheVerificationPageTakesTheDecision(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	yes, no := connect(t, srv), connect(t, srv)
	page := get(t, srv, yes.get("verification_uri_complete"))
	if !strings.Contains(page.Text, "login_hint=auto%3Aalice") {
		t.Errorf("page %s", page.Text)
	}
	wantCode(t, get(t, srv, yes.get("verification_uri")), "")
	wantCode(t, get(t, srv, yes.get("verification_uri_complete")+"&login_hint=auto:alice"), "")
	wantCode(t, get(t, srv, no.get("verification_uri_complete")+"&login_hint=deny"), "")
	wantCode(t, get(t, srv, no.get("verification_uri_complete")+"&login_hint=auto:alice"), "invalid_request")
	wantCode(t, poll(t, srv, yes), "")
	wantCode(t, poll(t, srv, no), "access_denied")
}
