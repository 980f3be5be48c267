package bench

import (
	"context"
	"net/http"
	"time"
)

// peer is a library that keeps a token fresh.
type peer struct {
	name string

	// open returns a cache that holds no token yet and obtains it from s. lead
	// is how long before the expiry it renews; zero is the library's default.
	open func(s *server, lead time.Duration) cache
}

// cache is one token, kept fresh by a peer.
type cache interface {
	// token returns a token that has not expired.
	token(ctx context.Context) (string, error)
	// header puts the token on a request in the way of the library.
	header(r *http.Request) error
	// transport returns what puts it on every request; nil: the library has
	// nothing of the kind.
	transport(base http.RoundTripper) http.RoundTripper
	close()
}

const ourName = "oauth2grant"

// peers returns all of them, ours first.
func peers() []peer {
	return []peer{
		{ourName, openOurs},
		{"x/oauth2", openXOAuth2},
		{"cloud.google.com/go/auth", openGoogle},
		{"aws CredentialsCache", openAWS},
		{"smithy TokenCache", openSmithy},
		{"azcore bearer policy", openAzure},
		{"databricks cache", openDatabricks},
	}
}

// plain is what a cache without a way of its own to use a token does.
type plain struct {
	get func(ctx context.Context) (string, error)
}

func (p plain) token(ctx context.Context) (string, error) { return p.get(ctx) }

func (p plain) header(r *http.Request) error {
	t, err := p.get(r.Context())
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+t)
	}
	return err
}

func (plain) transport(http.RoundTripper) http.RoundTripper { return nil }

func (plain) close() {}
