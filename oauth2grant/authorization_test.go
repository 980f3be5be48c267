package oauth2grant_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// codeServer is an authorization server of the code grant alone, at a host of
// its own, that takes any code and notes what it was sent.
type codeServer struct{ forms []url.Values }

func (s *codeServer) config(host, metadata string) oauth2grant.Config {
	issuer := "https://" + host
	return oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: issuer}, Auth: oauth2grant.Public("native"),
		Scopes: []string{"openid", "email", "a+b"},
		HTTPClient: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet {
				return says(200, `{"issuer":"`+issuer+`","authorization_endpoint":"`+issuer+
					`/a?tenant=x+y","token_endpoint":"`+issuer+`/t"`+metadata+`}`)
			}
			err := r.ParseForm()
			s.forms = append(s.forms, r.PostForm)
			res, _ := says(200, `{"access_token":"T","token_type":"Bearer"}`)
			return res, err
		})},
	}
}

func TestBeginAuthorization_EncodesSpacesAsEveryServerReadsThem(t *testing.T) {
	for value, want := range map[string]string{
		"a b": "a%20b", "a+b": "a%2Bb", "a b+c": "a%20b%2Bc", " a ": "%20a%20", "a  b": "a%20%20b", "a%20b": "a%2520b",
		"a&b=c": "a%26b%3Dc", "alice@as.example": "alice%40as.example", "https://a/?b c": "https%3A%2F%2Fa%2F%3Fb%20c",
		"é ü": "%C3%A9%20%C3%BC", "\n": "%0A", "+ +": "%2B%20%2B", "": "",
	} {
		a, err := newClient(t, new(codeServer).config("as.example", "")).BeginAuthorization(
			t.Context(), "https://app.example/a%20b", url.Values{"login_hint": {value}})
		if err != nil {
			t.Fatal(err)
		}
		_, query, _ := strings.Cut(a.URL, "?")
		for _, want := range []string{
			"scope=openid%20email%20a%2Bb", "login_hint=" + want, "tenant=x%20y",
			"redirect_uri=https%3A%2F%2Fapp.example%2Fa%2520b",
		} {
			if !slices.Contains(strings.Split(query, "&"), want) {
				t.Errorf("%q: %s lacks %s", value, query, want)
			}
		}
		if strings.Contains(a.URL, "+") {
			t.Errorf("%s has a plus sign", a.URL)
		}
		if u, err := url.Parse(a.URL); err != nil || u.Query().Get("login_hint") != value {
			t.Errorf("%q: read back as %q, %v", value, u.Query().Get("login_hint"), err)
		}
	}
}

func TestBeginAuthorization_RedirectURI(t *testing.T) {
	for uri, want := range map[string]struct{ strict, insecure bool }{
		"https://app.example/cb":                 {true, true},
		"https://app.example:8443/cb?tenant=1":   {true, true},
		"http://127.0.0.1:4321/callback":         {true, true},
		"http://[::1]:4321/callback":             {true, true},
		"http://localhost/callback":              {true, true},
		"com.example.app:/oauth":                 {true, true},
		"com.example.app://oauth":                {true, true},
		"urn:ietf:wg:oauth:2.0:oob":              {true, true},
		"http://app.example/cb":                  {false, true},
		"http://10.0.0.1/cb":                     {false, true},
		"http://localhost.evil.example/cb":       {false, true},
		"":                                       {},
		"/callback":                              {},
		"app.example/cb":                         {},
		"https:///cb":                            {},
		"https://app.example/cb#":                {},
		"https://app.example/cb#x":               {},
		"http://127.0.0.1/cb#x":                  {},
		"com.example.app:/oauth#x":               {},
		"https://user:secret@app.example/cb":     {},
		"javascript:alert(1)":                    {},
		"data:text/html,x":                       {},
		"file:///etc/passwd":                     {},
		"myapp://cb":                             {},
		"ftp://app.example/cb":                   {},
		"https://app.example/\r\nX: y":           {},
		"https://app.example/\u202egpj":          {},
		"https://app.example/a b":                {},
		"urn:ietf:wg:oauth:2.0:oob#x":            {},
		"://":                                    {},
		"https://app.example/%zz":                {},
		"com.example.app:/\x1b[2J":               {},
		"https://app.example/cb\"onload=\"x":     {},
		"urn:ietf:wg:oauth:2.0:something.else":   {},
		"javascript.example:/%0aalert(1)":        {true, true}, // a scheme like any other that has a domain name
		"http://127.0.0.1.evil.example/callback": {false, true},
	} {
		for _, insecure := range []bool{false, true} {
			err := oauth2grant.CheckRedirectURI(uri, insecure)
			allowed := want.strict
			if insecure {
				allowed = want.insecure
			}
			if (err == nil) != allowed {
				t.Errorf("%q, insecure %v: error is %v, want it allowed: %v", uri, insecure, err, allowed)
			}
		}
		_, err := newClient(t, new(codeServer).config("as.example", "")).BeginAuthorization(t.Context(), uri, nil)
		if (err == nil) != want.strict {
			t.Errorf("%q: error is %v", uri, err)
		}
	}
}

func TestBeginAuthorization_PublicClientNeedsPKCE(t *testing.T) {
	for _, c := range []struct {
		name string
		auth oauth2grant.ClientAuth
		pkce oauth2grant.PKCEMethod
		ok   bool
	}{
		{"public, by default", oauth2grant.Public("native"), "", true},
		{"public, plain", oauth2grant.Public("native"), oauth2grant.PKCEPlain, true},
		{"public, none", oauth2grant.Public("native"), oauth2grant.PKCENone, false},
		{"confidential, none", oauth2grant.SecretBasic("client", "secret"), oauth2grant.PKCENone, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := new(codeServer).config("as.example", "")
			cfg.Auth, cfg.PKCE = c.auth, c.pkce
			client := newClient(t, cfg)
			_, err := client.BeginAuthorization(t.Context(), "https://app.example/cb", nil)
			if (err == nil) != c.ok {
				t.Errorf("BeginAuthorization: %v", err)
			}
			for _, cfg := range []oauth2grant.Config{cfg, {Client: client}} {
				g, err := oauth2grant.New(t.Context(), oauth2grant.AuthCode{}, cfg)
				if (err == nil) != c.ok {
					t.Errorf("New: %v", err)
				}
				if err == nil {
					_ = g.Close()
				}
			}
		})
	}
}

func TestBeginAuthorization_EndpointsQueryDecidesNothing(t *testing.T) {
	cfg := new(codeServer).config("as.example", "")
	cfg.Scopes = []string{"read"}
	cfg.Server.AuthURL = "https://as.example/a?keep=1&state=x&nonce=x&client_id=x&redirect_uri=x" +
		"&response_type=token&code_challenge=x&request=x&request_uri=x&dpop_jkt=x"
	a, err := newClient(t, cfg).BeginAuthorization(t.Context(), "https://app.example/cb", nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(a.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for name, want := range map[string]string{
		"keep": "1", "state": a.State, "nonce": "", "client_id": "native", "redirect_uri": "https://app.example/cb",
		"response_type":         "code",
		"code_challenge_method": "S256", "request": "", "request_uri": "", "dpop_jkt": "", "scope": "read",
	} {
		if len(q[name]) > 1 || q.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, q[name], want)
		}
	}
}

func TestAuthorization_CheckNonce(t *testing.T) {
	for _, c := range []struct {
		name, nonce, claim string
		ok                 bool
	}{
		{"the same", "N", "N", true},
		{"another", "N", "M", false},
		{"none in the token", "N", "", false},
		{"none in the request", "", "N", false},
		{"none at all", "", "", false},
		{"a part", "NN", "N", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := oauth2grant.Authorization{Nonce: c.nonce}.CheckNonce(c.claim)
			if (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
			if err != nil && oauth2grant.IsTransient(err) {
				t.Error("it is transient")
			}
		})
	}
}
