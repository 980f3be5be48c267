package drives

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// sarama's metrics have one ticker for the whole program.
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// callers is how many call at once.
const callers = 1000

// open makes an authorization server and a grant of it for as long as the test.
func open(t *testing.T) (*granttest.Server, *oauth2grant.Grant) {
	t.Helper()
	return openWith(t, granttest.Config{})
}

func openWith(t *testing.T, cfg granttest.Config) (*granttest.Server, *oauth2grant.Grant) {
	t.Helper()
	srv := granttest.New(cfg)
	g, err := oauth2grant.New(t.Context(), oauth2grant.ClientCredentials{}, oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: srv.Issuer()},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		HTTPClient: srv.HTTPClient(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return srv, g
}

// stampede has all callers call at once, when there is no token yet; then the
// token is revoked and another one obtained, and one more call must use that.
func stampede(t *testing.T, srv *granttest.Server, g *oauth2grant.Grant, call func() error) {
	t.Helper()
	var all sync.WaitGroup
	var failed atomic.Int64
	for range callers {
		all.Go(func() {
			if err := call(); err != nil && failed.Add(1) == 1 {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := failed.Load(); n > 0 {
		t.Errorf("%d of %d calls failed", n, callers)
	}
	if n := srv.Count(granttest.Token); n != 1 {
		t.Errorf("%d token requests", n)
	}
	old, err := g.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	srv.RevokeToken(old.AccessToken)
	if _, err := g.FetchToken(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := call(); err != nil {
		t.Errorf("after a renewal: %v", err)
	}
}

// serve starts an API over HTTP that answers those who have a good token.
func serve(t *testing.T, srv *granttest.Server, answer string) *httptest.Server {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !authorized(srv, r.Header.Get("Authorization")) {
			http.Error(w, `{"message": "no good token"}`, http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(api.Close)
	return api
}

// authorized reports whether a header has a token that is good.
func authorized(srv *granttest.Server, header string) bool {
	token, is := strings.CutPrefix(header, "Bearer ")
	return is && srv.Active(token)
}
