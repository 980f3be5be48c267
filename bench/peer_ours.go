package bench

import (
	"context"
	"net/http"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

type ours struct{ g *oauth2grant.Grant }

func openOurs(s *server, lead time.Duration) cache {
	return ours{newGrant(newClient(s), oauth2grant.Refresh{Before: lead})}
}

// newClient returns a Client of s, for any number of grants.
func newClient(s *server) *oauth2grant.Client {
	c, err := oauth2grant.NewClient(oauth2grant.Config{
		Server:     oauth2grant.Server{TokenURL: "https://as.example/token"},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		HTTPClient: &http.Client{Transport: s},
	})
	must(err)
	return c
}

func newGrant(c *oauth2grant.Client, r oauth2grant.Refresh) *oauth2grant.Grant {
	g, err := oauth2grant.New(context.Background(), oauth2grant.ClientCredentials{},
		oauth2grant.Config{Client: c, Refresh: r})
	must(err)
	return g
}

func (o ours) token(ctx context.Context) (string, error) { return o.g.AccessToken(ctx) }

func (o ours) header(r *http.Request) error { return o.g.PrepareRequest(r.Context(), r.Header) }

func (o ours) transport(base http.RoundTripper) http.RoundTripper { return o.g.Transport(base) }

func (o ours) close() { must(o.g.Close()) }

func must(err error) {
	if err != nil {
		panic(err)
	}
}
