package authserver_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMetadata_NamesEndpointsThatAnswer(t *testing.T) {
	c := newClient(t, start(t, authserver.Config{}), "web", "web-secret")
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
		a := c.get(c.server.Issuer()+path, "")
		if a.str("issuer") != c.server.Issuer() {
			t.Fatalf("%s: issuer %q", path, a.str("issuer"))
		}
		for name := range a.fields {
			if strings.HasSuffix(name, "_endpoint") || name == "jwks_uri" {
				if got := c.get(a.str(name), "").status; got == http.StatusNotFound {
					t.Errorf("%s %s is not there", name, a.str(name))
				}
			}
		}
	}
}

func TestClientCredentials_ReachTheAPI(t *testing.T) {
	for _, tc := range []struct{ name, id, secret string }{
		{"a worker", "worker", "worker-secret"},
		{"an id and a secret of reserved characters", "odd:id +1", `s3cr:t +&=/%~"?`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newClient(t, start(t, authserver.Config{}), tc.id, tc.secret)
			a := c.post("/token", "grant_type", "client_credentials", "scope", "read")
			c.wants(a, http.StatusOK, "")
			if got := c.api(a.str("access_token")); got != http.StatusOK {
				t.Fatalf("the API answered %d", got)
			}
		})
	}
}

func TestClientAuth_SecretPostIsTheOnlyWayForItsClient(t *testing.T) {
	s := start(t, authserver.Config{})
	c := newClient(t, s, "post", "")
	c.wants(c.post("/token", "grant_type", "client_credentials", "client_secret", "post-secret"), http.StatusOK, "")
	c = newClient(t, s, "post", "post-secret")
	c.wants(c.post("/token", "grant_type", "client_credentials"), http.StatusUnauthorized, "invalid_client")
}

func TestPassword_IssuesATokenOfThatUser(t *testing.T) {
	c := newClient(t, start(t, authserver.Config{AlwaysRefreshToken: true}), "web", "web-secret")
	a := c.post("/token", "grant_type", "password", "username", "bob", "password", "pass word&+=%", "scope", "openid")
	c.wants(a, http.StatusOK, "")
	if a.str("refresh_token") == "" {
		t.Error("no refresh token")
	}
	if sub := c.get(c.server.Issuer()+"/userinfo", a.str("access_token")).str("sub"); sub != "bob" {
		t.Errorf("userinfo says %q", sub)
	}
	c.wants(c.post("/token", "grant_type", "password", "username", "bob", "password", "guess"), http.StatusBadRequest,
		"invalid_grant")
}

func TestAuthorize_ThroughTheForm(t *testing.T) {
	c := newClient(t, start(t, authserver.Config{}), "native", "")
	page := c.get(c.server.Issuer()+"/authorize?"+c.authorization().Encode(), "")
	if again := c.submit(page, "login", "alice", "password", "guess"); again.status != http.StatusUnauthorized {
		t.Fatalf("a wrong password: %d", again.status)
	}
	a := c.redeem(c.callback(c.submit(page, "login", "alice", "password", "wonderland")).Get("code"))
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		if a.str(name) == "" {
			t.Errorf("no %s in %s", name, a.body)
		}
	}
	if got := c.api(a.str("access_token")); got != http.StatusOK {
		t.Errorf("the API answered %d", got)
	}
}

func TestAuthorize_DenialComesBackWithTheIssuer(t *testing.T) {
	c := newClient(t, start(t, authserver.Config{}), "native", "")
	page := c.get(c.server.Issuer()+"/authorize?"+c.authorization().Encode(), "")
	if got := c.callback(c.submit(page, "deny", "1")).Get("error"); got != "access_denied" {
		t.Fatalf("error %q", got)
	}
}

func TestAuthorize_AnUntrustedRedirectURIGetsAPage(t *testing.T) {
	c := newClient(t, start(t, authserver.Config{}), "native", "")
	a := c.get(c.server.Issuer()+"/authorize?"+c.authorization("redirect_uri", "https://attacker.example/").Encode(),
		"")
	if a.status != http.StatusBadRequest || a.header.Get("Location") != "" || !strings.Contains(a.body, "<html lang=") {
		t.Fatalf("got %d %s", a.status, a.body)
	}
}

func TestPushedAuthorization_IsAnsweredOnce(t *testing.T) {
	c := newClient(t, start(t, authserver.Config{}), "web", "web-secret")
	form := c.authorization()
	var pairs []string
	for name := range form {
		pairs = append(pairs, name, form.Get(name))
	}
	pushed := c.post("/par", pairs...)
	c.wants(pushed, http.StatusCreated, "")
	q := url.Values{"client_id": {c.id}, "request_uri": {pushed.str("request_uri")}}
	page := c.get(c.server.Issuer()+"/authorize?"+q.Encode(), "")
	c.redeem(c.callback(c.submit(page, "login", "alice", "password", "wonderland")).Get("code"))
	a := c.get(c.server.Issuer()+"/authorize?"+q.Encode(), "")
	if a.status != http.StatusBadRequest && a.status != http.StatusUnauthorized {
		t.Fatalf("a second use got %d %s", a.status, a.body)
	}
}

func TestDeviceCode(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer []string
		status int
		code   string
	}{
		{"allowed by its user", []string{"login", "alice", "password", "wonderland"}, http.StatusOK, ""},
		{"denied by its user", []string{"deny", "1"}, http.StatusForbidden, "access_denied"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newClient(t, start(t, authserver.Config{DeviceInterval: time.Nanosecond}), "native", "")
			device := c.post("/device/auth", "scope", "openid offline_access read")
			c.wants(device, http.StatusOK, "")
			poll := func() answer {
				return c.post("/token", "grant_type", deviceGrant, "device_code", device.str("device_code"))
			}
			c.wants(poll(), http.StatusBadRequest, "authorization_pending")

			entry := c.get(device.str("verification_uri"), "")
			signIn := c.submit(entry, "user_code", strings.ToLower(device.str("user_code")))
			done := c.submit(signIn, append(tc.answer, "user_code", device.str("user_code"))...)
			if done.status != http.StatusOK {
				t.Fatalf("the page answered %d %s", done.status, done.body)
			}
			a := poll()
			c.wants(a, tc.status, tc.code)
			if tc.status == http.StatusOK &&
				(c.api(a.str("access_token")) != http.StatusOK || a.str("refresh_token") == "") {
				t.Fatalf("not a usable token: %s", a.body)
			}
			if got := a.str("id_token") != ""; got != (tc.status == http.StatusOK) {
				t.Fatalf("an ID token came: %t", got)
			}
			if a := c.get(device.str("verification_uri_complete"), ""); a.status != http.StatusNotFound {
				t.Fatalf("the code was to be used up, got %d", a.status)
			}
		})
	}
}

func TestDeviceCode_PolledBeforeItsTimeIsSlowedDown(t *testing.T) {
	c := newClient(t, start(t, authserver.Config{DeviceInterval: time.Hour}), "native", "")
	device := c.post("/device/auth", "scope", "read")
	c.wants(c.post("/token", "grant_type", deviceGrant, "device_code", device.str("device_code")),
		http.StatusBadRequest, "authorization_pending")
	c.wants(c.post("/token", "grant_type", deviceGrant, "device_code", device.str("device_code")),
		http.StatusBadRequest, "slow_down")
	if got := c.server.Refusals(); got != 2 {
		t.Errorf("%d refusals counted", got)
	}
}

func TestDeviceCode_SaysThatItHasExpired(t *testing.T) {
	c := newClient(t, start(t, authserver.Config{DeviceLifetime: time.Nanosecond}), "native", "")
	device := c.post("/device/auth", "scope", "read")
	for { // its expiry is rounded to a whole second
		a := c.post("/token", "grant_type", deviceGrant, "device_code", device.str("device_code"))
		if a.str("error") == "expired_token" {
			return
		}
		if code := a.str("error"); code != "authorization_pending" && code != "slow_down" {
			t.Fatalf("got %s", a.body)
		}
	}
}

func TestRefresh_RotatesAndReuseEndsTheFamily(t *testing.T) {
	c := newClient(t, start(t, authserver.Config{}), "native", "")
	first := c.signedIn()
	refresh := func(token string) answer {
		return c.post("/token", "grant_type", "refresh_token", "refresh_token", token)
	}
	second := refresh(first.str("refresh_token"))
	c.wants(second, http.StatusOK, "")
	if second.str("refresh_token") == first.str("refresh_token") {
		t.Fatal("not rotated")
	}
	if c.api(first.str("access_token")) != http.StatusOK || c.api(second.str("access_token")) != http.StatusOK {
		t.Fatal("an access token died of an ordinary refresh")
	}

	c.wants(refresh(first.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	c.wants(refresh(second.str("refresh_token")), http.StatusBadRequest, "invalid_grant")
	if got := c.api(second.str("access_token")); got != http.StatusUnauthorized {
		t.Errorf("the newest access token still works: %d", got)
	}
}

func TestRefresh_TwoAtOnceAreAReuse(t *testing.T) {
	c := newClient(t, start(t, authserver.Config{}), "native", "")
	token := c.signedIn().str("refresh_token")
	const both = 2
	statuses := make(chan int, both)
	for range both {
		go func() {
			res, err := c.PostForm(c.server.Issuer()+"/token", url.Values{
				"client_id": {c.id}, "grant_type": {"refresh_token"}, "refresh_token": {token},
			})
			if err != nil {
				statuses <- 0
				return
			}
			res.Body.Close()
			statuses <- res.StatusCode
		}()
	}
	if a, b := <-statuses, <-statuses; a+b != http.StatusOK+http.StatusBadRequest {
		t.Fatalf("got %d and %d", a, b)
	}
}

func TestAPI_RefusesRevokedAndUnknownTokens(t *testing.T) {
	c := newClient(t, start(t, authserver.Config{}), "web", "web-secret")
	token := c.signedIn()
	introspect := func() any { return c.post("/introspect", "token", token.str("access_token")).fields["active"] }
	if introspect() != true {
		t.Fatal("not active to begin with")
	}
	if c.api(token.str("refresh_token")) != http.StatusUnauthorized {
		t.Error("the API took a refresh token")
	}
	c.wants(c.post("/revoke", "token", token.str("refresh_token")), http.StatusOK, "")
	if introspect() != false {
		t.Error("still active")
	}
	a := c.get(c.server.Issuer()+"/api/orders", token.str("access_token"))
	if a.status != http.StatusUnauthorized ||
		!strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Errorf("the API answered %d %q", a.status, a.header.Get("WWW-Authenticate"))
	}
	a = c.get(c.server.Issuer()+"/api/orders", "")
	if a.status != http.StatusUnauthorized || strings.Contains(a.header.Get("WWW-Authenticate"), "error=") {
		t.Errorf("without a token: %d %q", a.status, a.header.Get("WWW-Authenticate"))
	}
}

func TestServer_EventsAndCountsAreThereWithTheAnswer(t *testing.T) {
	events := make(chan authserver.Event, 2)
	s := start(t, authserver.Config{TokenDelay: time.Millisecond, Log: func(e authserver.Event) { events <- e }})
	c := newClient(t, s, "odd:id +1", `s3cr:t +&=/%~"?`)
	c.wants(c.post("/token", "grant_type", "client_credentials"), http.StatusOK, "")
	c.secret = "guess"
	c.wants(c.post("/token", "grant_type", "client_credentials"), http.StatusUnauthorized, "invalid_client")

	want := []authserver.Event{
		{Path: "/token", GrantType: "client_credentials", ClientID: "odd:id +1", Status: http.StatusOK},
		{
			Path: "/token", GrantType: "client_credentials", ClientID: "odd:id +1", Status: http.StatusUnauthorized,
			Error: "invalid_client",
		},
	}
	for _, w := range want {
		got := <-events
		got.Time = time.Time{}
		if got != w {
			t.Errorf("got %+v, want %+v", got, w)
		}
	}
	if s.Count("/token") != 2 || s.Refusals() != 1 {
		t.Errorf("%d requests, %d refusals", s.Count("/token"), s.Refusals())
	}
}

func TestClose_EndsADelayedRequest(t *testing.T) {
	s := start(t, authserver.Config{TokenDelay: time.Hour})
	c := newClient(t, s, "worker", "worker-secret")
	failed := make(chan error, 1)
	sent := make(chan struct{})
	go func() {
		req, err := http.NewRequest(http.MethodPost, s.Issuer()+"/token", &onRead{
			Reader: strings.NewReader("grant_type=client_credentials"), read: sent,
		})
		if err != nil {
			failed <- err
			return
		}
		res, err := c.Do(req)
		if err == nil {
			res.Body.Close()
		}
		failed <- err
	}()
	<-sent
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil {
		t.Fatal("the request was answered")
	}
}

func TestStart_RefusesWhatItCannotServe(t *testing.T) {
	taken := strings.TrimPrefix(start(t, authserver.Config{}).Issuer(), "http://")
	for name, cfg := range map[string]authserver.Config{
		"an address in use":   {Addr: taken},
		"a negative lifetime": {AccessTokenLifetime: -time.Second},
		"a negative delay":    {TokenDelay: -time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := authserver.Start(cfg); err == nil {
				s.Close()
				t.Fatal("it started")
			}
		})
	}
}

func TestStart_TakesPublicKeysOnly(t *testing.T) {
	const (
		public  = `{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
		private = `{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}`
	)
	for keys, ok := range map[string]bool{
		"": true, `{"keys":[` + public + `]}`: true, `{"keys":[` + private + `]}`: false, `{"keys":`: false,
	} {
		s, err := authserver.Start(authserver.Config{Keys: []byte(keys)})
		if (err == nil) != ok {
			t.Errorf("with %q: %v", keys, err)
		}
		if err == nil {
			_ = s.Close()
		}
	}
}
