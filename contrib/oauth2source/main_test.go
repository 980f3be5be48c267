package oauth2source_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func configFor(srv *granttest.Server) oauth2grant.Config {
	return oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: srv.Issuer()},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		HTTPClient: srv.HTTPClient(),
	}
}

// open makes a grant that lives as long as the test.
func open(t testing.TB, flow oauth2grant.Flow, cfg oauth2grant.Config) *oauth2grant.Grant {
	t.Helper()
	g, err := oauth2grant.New(t.Context(), flow, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}
