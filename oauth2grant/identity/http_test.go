package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/identity"
)

// answers is a server that says one thing, and notes what it was asked.
type answers struct {
	status int // zero: 200
	header http.Header
	body   string
	err    error
	hang   bool

	asked []*http.Request
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked = append(a.asked, r)
	if a.hang {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if a.err != nil {
		return nil, a.err
	}
	header := a.header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		StatusCode: max(a.status, 200), Header: header,
		Body: io.NopCloser(strings.NewReader(a.body)), Request: r,
	}, nil
}

func (a *answers) client() *http.Client { return &http.Client{Transport: a} }

// platforms are the sources that ask over HTTP, and how each wants its answer.
var platforms = map[string]struct {
	source func(*http.Client) identity.Source
	wrap   func(assertion string) string
	host   string
	header http.Header // of the answer
}{
	"URL": {
		func(hc *http.Client) identity.Source {
			return identity.URL(identity.Endpoint{
				URL:    "https://h.example/t?key=MARK",
				Header: http.Header{"X-Key": {"MARK"}}, HTTPClient: hc,
			})
		},
		func(a string) string { return a }, "h.example", nil,
	},
	"URL with a member": {
		func(hc *http.Client) identity.Source {
			return identity.URL(identity.Endpoint{URL: "https://h.example/t", Member: "token", HTTPClient: hc})
		},
		member("token"), "h.example", nil,
	},
	"GitHub": {
		func(hc *http.Client) identity.Source { return identity.GitHubActions("aud", hc) },
		member("value"), "actions.example", nil,
	},
	"Google": {
		func(hc *http.Client) identity.Source { return identity.GoogleMetadata("aud", hc) },
		func(a string) string { return a }, "169.254.169.254", fromGoogle,
	},
	"Azure": {
		func(hc *http.Client) identity.Source { return identity.AzureMetadata("aud", "id", hc) },
		member("access_token"), "169.254.169.254", nil,
	},
	"Azure services": {
		func(hc *http.Client) identity.Source { return identity.AzureMetadata("aud", "", hc) },
		member("access_token"), "127.0.0.1:4141", nil,
	},
}

var fromGoogle = http.Header{"Metadata-Flavor": {"Google"}}

func member(name string) func(string) string {
	return func(assertion string) string {
		text, _ := json.Marshal(map[string]any{name: assertion, "other": 1})
		return string(text)
	}
}

// onPlatform sets what the platform of that name sets.
func onPlatform(t *testing.T, name string) {
	t.Helper()
	t.Setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "https://actions.example/token?api-version=2&key=MARK")
	t.Setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "MARK-request")
	t.Setenv("GCE_METADATA_HOST", "")
	t.Setenv("IDENTITY_ENDPOINT", "")
	if name == "Azure services" {
		t.Setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:4141/msi/token")
		t.Setenv("IDENTITY_HEADER", "MARK-header")
	}
}

func TestPlatforms_ReturnTheAssertion(t *testing.T) {
	for name, p := range platforms {
		t.Run(name, func(t *testing.T) {
			onPlatform(t, name)
			for what, content := range good {
				want := content()
				if got := get(t, p.source((&answers{body: p.wrap(want), header: p.header}).client())); got != want {
					t.Errorf("%s: got %q, want %q", what, got, want)
				}
			}
		})
	}
}

func TestPlatforms_Refuse(t *testing.T) {
	for name, p := range platforms {
		onPlatform(t, name)
		refused := func(t *testing.T, a *answers, texts ...string) {
			t.Helper()
			if a.header == nil {
				a.header = p.header
			}
			wantError(t, p.source(a.client()), append(texts, p.host)...)
		}
		for what, c := range bad {
			t.Run(name+", "+what, func(t *testing.T) {
				if strings.ContainsRune(c.content(), 0) {
					return // JSON would change it
				}
				refused(t, &answers{body: p.wrap(c.content())}, c.want)
			})
		}
		t.Run(name, func(t *testing.T) {
			refused(t, &answers{status: 302, header: http.Header{"Location": {"https://evil.example/MARK"}}},
				"redirect", "302")
			refused(t, &answers{status: 404, body: "MARK"}, "404")
			refused(t, &answers{status: 500, body: "MARK"}, "500")
			refused(t, &answers{body: "<html>MARK"})
			refused(t, &answers{body: strings.Repeat("MARK", 1<<18)})
			refused(t, &answers{body: `{"token":7,"value":["MARK"],"access_token":null}`})
			refused(t, &answers{err: errors.New("MARK")}, "no usable HTTP answer")
			refused(t, &answers{err: &net.OpError{Op: "dial", Err: errors.New("connection refused")}},
				"connection refused")
		})
	}
}

func TestPlatforms_AreNotWaitedForWithoutEnd(t *testing.T) {
	for name, p := range platforms {
		t.Run(name, func(t *testing.T) {
			onPlatform(t, name)
			synctest.Test(t, func(t *testing.T) {
				s := p.source((&answers{hang: true}).client())
				began := time.Now()
				if _, err := s(context.Background()); !errors.Is(err, context.DeadlineExceeded) ||
					time.Since(began) != 10*time.Second {
					t.Errorf("got %v after %s", err, time.Since(began))
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := s(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 11*time.Second {
					t.Errorf("got %v after %s", err, time.Since(began))
				}
			})
		})
	}
}

func TestPlatforms_AskAsTheirPlatformWants(t *testing.T) {
	for name, want := range map[string]struct{ url, header, value string }{
		"URL": {"https://h.example/t?key=MARK", "X-Key", "MARK"},
		"GitHub": {
			"https://actions.example/token?api-version=2&audience=aud&key=MARK",
			"Authorization", "Bearer MARK-request",
		},
		"Google": {
			"http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/identity" +
				"?audience=aud&format=full",
			"Metadata-Flavor", "Google",
		},
		"Azure": {
			"http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&client_id=id&resource=aud",
			"Metadata", "true",
		},
		"Azure services": {
			"http://127.0.0.1:4141/msi/token?api-version=2019-08-01&resource=aud",
			"X-Identity-Header", "MARK-header",
		},
	} {
		t.Run(name, func(t *testing.T) {
			onPlatform(t, name)
			p := platforms[name]
			a := &answers{body: p.wrap(lasting(time.Hour)), header: p.header}
			s := p.source(a.client())
			get(t, s)
			get(t, s)
			if r := a.asked[0]; r.URL.String() != want.url || r.Header.Get(want.header) != want.value ||
				r.Method != http.MethodGet {
				t.Errorf("asked %s %s with %v", r.Method, r.URL, r.Header)
			}
			times := 1
			if name == "GitHub" {
				times = 2 // no two are alike
			}
			if len(a.asked) != times {
				t.Errorf("asked %d times, want %d", len(a.asked), times)
			}
		})
	}
}

func TestPlatforms_SayWhereTheyAreNot(t *testing.T) {
	for _, name := range []string{"ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"} {
		onPlatform(t, "GitHub")
		t.Setenv(name, "")
		wantError(t, identity.GitHubActions("", nil), name, "id-token: write")
	}
	onPlatform(t, "GitHub")
	t.Setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "http://actions.example/MARK")
	wantError(t, identity.GitHubActions("", nil), "https")
	wantError(t, identity.GoogleMetadata("a", (&answers{body: "<html>a hotel's sign-in page"}).client()),
		"not that of the metadata server", "run on Google Cloud")
	wantError(t, identity.AzureMetadata("a", "", (&answers{status: 404}).client()), "managed identity")
	onPlatform(t, "Azure services")
	t.Setenv("IDENTITY_ENDPOINT", "://MARK")
	wantError(t, identity.AzureMetadata("a", "", nil), "IDENTITY_ENDPOINT")
	for _, bad := range []string{"", "/t", "http://h.example/MARK", "ftp://127.0.0.1/MARK", "://MARK"} {
		wantError(t, identity.URL(identity.Endpoint{URL: bad}), "endpoint")
	}
	get(t, identity.URL(identity.Endpoint{
		URL: "http://h.example", InsecureAllowHTTP: true,
		HTTPClient: (&answers{body: "opaque"}).client(),
	}))
}

func TestURL_OverASocketFollowsNoRedirectAndKeepsNoConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	followed := false
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/t", http.StatusTemporaryRedirect)
		default:
			followed = r.Header.Get("X-From") == "moved"
			_, _ = io.WriteString(w, "opaque")
		}
	}), ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(listener) }()
	defer srv.Close()
	base := "http://" + listener.Addr().String()
	if got := get(t, identity.URL(identity.Endpoint{URL: base + "/t"})); got != "opaque" {
		t.Errorf("got %q", got)
	}
	wantError(t, identity.URL(identity.Endpoint{URL: base + "/moved", Header: http.Header{"X-From": {"moved"}}}),
		"redirect (HTTP 307)")
	if followed {
		t.Error("the redirect was followed")
	}
	t.Setenv("GCE_METADATA_HOST", listener.Addr().String())
	wantError(t, identity.GoogleMetadata("a", nil), "metadata server")
}

// signedIn is a grant whose sign-in brought an ID token, and each refresh the
// next one of those given; an empty one brings none.
func signedIn(t *testing.T, idTokens ...string) *oauth2grant.Grant {
	t.Helper()
	srv := granttest.New(granttest.Config{})
	srv.Break(granttest.Token, granttest.Fault{Edit: func(answer map[string]any) {
		if len(idTokens) > 0 && idTokens[0] != "" {
			answer["id_token"] = idTokens[0]
		}
		idTokens = idTokens[min(1, len(idTokens)):]
	}})
	g, err := oauth2grant.New(context.Background(), oauth2grant.Password{Username: "alice", Password: "wonderland"},
		oauth2grant.Config{
			Server: oauth2grant.Server{Issuer: srv.Issuer()}, Auth: oauth2grant.SecretBasic("client",
				"secret"), HTTPClient: srv.HTTPClient(),
		})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

func TestIDToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		short, long := lasting(time.Minute), lasting(24*time.Hour)
		g := signedIn(t, short, long)
		s := identity.IDToken(g)
		if got := get(t, s); got != short {
			t.Errorf("got %q", got)
		}
		time.Sleep(2 * time.Minute) // the access token lives for an hour
		if got := get(t, s); got != long {
			t.Errorf("after the end of the first: got %q", got)
		}
		_ = g.Close()
	})
}

func TestIDToken_SaysWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		without := signedIn(t)
		wantError(t, identity.IDToken(without), "openid")
		once := signedIn(t, lasting(time.Minute))
		get(t, identity.IDToken(once))
		time.Sleep(2 * time.Minute)
		wantError(t, identity.IDToken(once), "expired")
		_, _ = without.Close(), once.Close()
		wantError(t, identity.IDToken(once), "closed")
	})
}

func TestAccessToken(t *testing.T) {
	g := signedIn(t)
	want, err := g.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, identity.AccessToken(g)); got != want.AccessToken {
		t.Errorf("got %q", got)
	}
}

func TestFromFlow_RefusesAFlowThatAsksAPerson(t *testing.T) {
	wantError(t, identity.FromFlow(signedIn(t).Client(), oauth2grant.DeviceCode{}), "AccessToken")
}
