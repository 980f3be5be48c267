package granttest_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func redeem(t *testing.T, srv *granttest.Server, code string, pairs ...string) answer {
	t.Helper()
	f := form("grant_type", "authorization_code", "client_id", "native", "code", code,
		"redirect_uri", callback, "code_verifier", verifier)
	for name, values := range form(pairs...) {
		if f[name] = values; values[0] == "" {
			delete(f, name)
		}
	}
	return post(t, srv, granttest.Token, f)
}

func TestAuthorize_AnApprovedRequestBecomesTokens(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	target, err := srv.Approve(ask(srv, "scope", "openid", "redirect_uri", callback+"?keep=1"), "alice")
	if err != nil {
		t.Fatal(err)
	}
	q := query(t, target)
	if !strings.HasPrefix(target, callback+"?") || q.Get("state") != "xyz" || q.Get("iss") != srv.Issuer() ||
		q.Get("keep") != "1" {
		t.Errorf("callback %s", target)
	}
	a := redeem(t, srv, q.Get("code"), "redirect_uri", callback+"?keep=1")
	wantCode(t, a, "")
	if a.get("scope") != "openid" || !srv.Active(a.get("refresh_token")) {
		t.Errorf("answer %s", a.Text)
	}
	if api := get(t, srv, srv.URL(granttest.Resource), bearer(a.get("access_token"))); api.get("user") != "alice" {
		t.Errorf("the API answered %s", api.Text)
	}
}

func TestAuthorize_ACodeWorksOnceAndASecondUseKillsItsTokens(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	code := approve(t, srv, ask(srv))
	a := redeem(t, srv, code)
	rotated := refreshNative(t, srv, a.get("refresh_token"))
	wantCode(t, redeem(t, srv, code), "invalid_grant")
	if srv.Active(a.get("access_token")) || srv.Active(rotated.get("refresh_token")) {
		t.Error("tokens survived the second use of their code")
	}
	if srv.ReuseDetected() != 0 {
		t.Error("counted as a reused refresh token")
	}
}

func refreshNative(t *testing.T, srv *granttest.Server, token string) answer {
	t.Helper()
	a := post(t, srv, granttest.Token,
		form("grant_type", "refresh_token", "client_id", "native", "refresh_token", token))
	wantCode(t, a, "")
	return a
}

func TestAuthorize_ACodeIsBoundToItsRequest(t *testing.T) {
	srv := granttest.New(granttest.Config{
		Clients: []granttest.Client{{ID: "native"}, {ID: "other"}},
	})
	code := approve(t, srv, ask(srv))
	for name, c := range map[string]struct {
		pairs []string
		code  string
	}{
		"another client":       {[]string{"client_id", "other"}, "invalid_grant"},
		"another redirect URI": {[]string{"redirect_uri", callback + "2"}, "invalid_grant"},
		"no redirect URI":      {[]string{"redirect_uri", ""}, "invalid_grant"},
		"a wrong verifier":     {[]string{"code_verifier", challenge}, "invalid_grant"},
		"the challenge as a verifier": {
			[]string{"code_verifier", challenge, "code_challenge_method", "plain"}, "invalid_grant",
		},
		"no verifier":      {[]string{"code_verifier", ""}, "invalid_grant"},
		"a short verifier": {[]string{"code_verifier", "short"}, "invalid_grant"},
		"another code":     {[]string{"code", "code-x"}, "invalid_grant"},
		"no code":          {[]string{"code", ""}, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) { wantCode(t, redeem(t, srv, code, c.pairs...), c.code) })
	}
	wantCode(t, redeem(t, srv, code), "")
}

func TestAuthorize_PKCECanBePlainOrLeftToConfidentialClients(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	plain := approve(t, srv, ask(srv, "code_challenge", verifier, "code_challenge_method", ""))
	wantCode(t, redeem(t, srv, plain, "code_verifier", challenge), "invalid_grant")
	wantCode(t, redeem(t, srv, plain), "")
	secret := []string{"client_id", "client", "client_secret", "secret"}
	none := ask(srv, "client_id", "client", "code_challenge", "", "code_challenge_method", "")
	wantCode(t, redeem(t, srv, approve(t, srv, none), append(secret, "code_verifier", "")...), "")
	wantCode(t, redeem(t, srv, approve(t, srv, none), secret...), "invalid_grant")
}

func TestAuthorize_ACodeExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		code := approve(t, srv, ask(srv))
		time.Sleep(time.Minute)
		wantCode(t, redeem(t, srv, code), "invalid_grant")
	})
}

func TestAuthorize_RefusesUnacceptableRequests(t *testing.T) {
	srv := granttest.New(granttest.Config{Clients: []granttest.Client{
		{ID: "native", RedirectURIs: []string{callback, "https://app.example/cb"}},
		{ID: "one", RedirectURIs: []string{callback}},
	}})
	for name, c := range map[string]struct {
		pairs    []string
		code     string
		redirect bool
	}{
		"an unknown client":      {[]string{"client_id", "nobody"}, "invalid_request", false},
		"a foreign redirect URI": {[]string{"redirect_uri", "https://evil.example/cb"}, "invalid_request", false},
		"a longer redirect URI": {
			[]string{"redirect_uri", "https://app.example/cb/x"}, "invalid_request", false,
		},
		"another port of a remote URI": {
			[]string{"redirect_uri", "https://app.example:444/cb"}, "invalid_request", false,
		},
		"another loopback address": {
			[]string{"redirect_uri", "http://[::1]:7777/callback"}, "invalid_request", false,
		},
		"which redirect URI":     {[]string{"redirect_uri", ""}, "invalid_request", false},
		"a fragment":             {[]string{"redirect_uri", callback + "#x"}, "invalid_request", false},
		"an unknown request_uri": {[]string{"request_uri", "urn:x"}, "invalid_request", false},
		"no response type":       {[]string{"response_type", ""}, "invalid_request", true},
		"the implicit grant":     {[]string{"response_type", "token"}, "unsupported_response_type", true},
		"a fragment response":    {[]string{"response_mode", "fragment"}, "invalid_request", true},
		"a public client without PKCE": {
			[]string{"code_challenge", "", "code_challenge_method", ""}, "invalid_request", true,
		},
		"a method without challenge": {[]string{"code_challenge", ""}, "invalid_request", true},
		"an unknown PKCE method":     {[]string{"code_challenge_method", "S512"}, "invalid_request", true},
		"a short challenge":          {[]string{"code_challenge", "short"}, "invalid_request", true},
	} {
		t.Run(name, func(t *testing.T) {
			target := ask(srv, c.pairs...)
			_, err := srv.Approve(target, "alice")
			if refusal, ok := errors.AsType[*granttest.Refusal](err); !ok || refusal.Code != c.code {
				t.Errorf("Approve: %v", err)
			}
			a := get(t, srv, target+"&login_hint=auto:alice")
			if !c.redirect {
				wantCode(t, a, c.code)
				return
			}
			q := query(t, a.Header.Get("Location"))
			if a.Status != http.StatusFound || q.Get("error") != c.code || q.Get("state") != "xyz" ||
				q.Get("iss") != srv.Issuer() {
				t.Errorf("answered %d to %s", a.Status, a.Header.Get("Location"))
			}
		})
	}
	for name, pairs := range map[string][]string{
		"any port of a loopback address":       {"redirect_uri", "http://127.0.0.1:5/callback"},
		"the only registered URI, left unsaid": {"client_id", "one", "redirect_uri", ""},
	} {
		t.Run(name+" is fine", func(t *testing.T) { approve(t, srv, ask(srv, pairs...)) })
	}
}

func TestApprove_TakesAuthorizationURLsOnly(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	for _, target := range []string{srv.URL(granttest.Token), "http://a b/", ask(srv) + "&state=again"} {
		if callback, err := srv.Approve(target, "alice"); err == nil {
			t.Errorf("Approve(%s) gave %s", target, callback)
		}
	}
	if _, err := srv.Approve(ask(srv), "nobody"); err == nil {
		t.Error("an unknown user approved")
	}
}

func TestDeny_TellsTheClient(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	target, err := srv.Deny(ask(srv))
	q := query(t, target)
	if err != nil || q.Get("error") != "access_denied" || q.Get("state") != "xyz" || q.Get("iss") == "" {
		t.Errorf("callback %s, %v", target, err)
	}
}

func TestAuthorize_ALoginHintPlaysThePerson(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	approved := get(t, srv, ask(srv, "login_hint", "auto:alice"))
	if approved.Status != http.StatusFound {
		t.Fatalf("answered %d", approved.Status)
	}
	wantCode(t, redeem(t, srv, query(t, approved.Header.Get("Location")).Get("code")), "")
	for _, hint := range []string{"deny", "auto:nobody"} {
		a := get(t, srv, ask(srv, "login_hint", hint))
		if query(t, a.Header.Get("Location")).Get("error") != "access_denied" {
			t.Errorf("%s: answered %d to %s", hint, a.Status, a.Header.Get("Location"))
		}
	}
	page := get(t, srv, ask(srv, "state", `"><script>`))
	if page.Status != http.StatusOK || !strings.Contains(page.Text, "login_hint=auto%3Aalice") ||
		strings.Contains(page.Text, "<script>") {
		t.Errorf("answered %d %s", page.Status, page.Text)
	}
}

func TestAuthorize_FormPostIsASelfPostingPage(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	page := get(t, srv, ask(srv, "login_hint", "auto:alice", "response_mode", "form_post", "state", `"<x>`))
	for _, want := range []string{`action="` + callback + `"`, `name="code"`, `name="iss"`, `value="&#34;&lt;x&gt;"`} {
		if !strings.Contains(page.Text, want) {
			t.Errorf("%s is not in %s", want, page.Text)
		}
	}
}

func TestPAR_RequestsAreUsedOnceByTheirClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		push := func() string {
			t.Helper()
			a := post(t, srv, granttest.PAR, query(t, ask(srv)))
			if a.Status != http.StatusCreated || a.JSON["expires_in"] != 60.0 {
				t.Fatalf("answered %d %s", a.Status, a.Text)
			}
			f := form("client_id", "native", "request_uri", a.get("request_uri"))
			return srv.URL(granttest.Authorize) + "?" + f.Encode()
		}
		pushed := push()
		if a := get(t, srv, pushed); a.Status != http.StatusOK {
			t.Errorf("looking at the page answered %d", a.Status)
		}
		if _, err := srv.Approve(strings.Replace(pushed, "native", "client", 1), "alice"); err == nil {
			t.Error("another client used the request")
		}
		wantCode(t, redeem(t, srv, approve(t, srv, pushed)), "")
		if _, err := srv.Approve(pushed, "alice"); err == nil {
			t.Error("the request was used twice")
		}
		late := push()
		time.Sleep(time.Minute)
		if _, err := srv.Approve(late, "alice"); err == nil {
			t.Error("the request did not expire")
		}
		unnamed := query(t, ask(srv, "client_id", ""))
		wantCode(t, post(t, srv, granttest.PAR, unnamed, confidential), "")
		wantCode(t, post(t, srv, granttest.PAR, form("client_id", "native", "request_uri", "urn:x")), "invalid_request")
		wantCode(t, post(t, srv, granttest.PAR, form("client_id", "native", "response_type", "code")),
			"invalid_request")
		wantCode(t, post(t, srv, granttest.PAR, form("client_id", "client")), "invalid_client")
	})
}
