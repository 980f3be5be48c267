package bench

import (
	"context"
	"net/http"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/httptransport"
)

type googleSource struct{ s *server }

func (g googleSource) Token(ctx context.Context) (*auth.Token, error) {
	t, err := g.s.issue(ctx)
	if err != nil {
		return nil, err
	}
	return &auth.Token{Value: t.value, Type: "Bearer", Expiry: t.expiry}, nil
}

type google struct {
	plain
	provider auth.TokenProvider
}

func openGoogle(s *server, lead time.Duration) cache {
	provider := auth.NewCachedTokenProvider(googleSource{s}, &auth.CachedTokenProviderOptions{ExpireEarly: lead})
	return google{provider: provider, plain: plain{func(ctx context.Context) (string, error) {
		t, err := provider.Token(ctx)
		if err != nil {
			return "", err
		}
		return t.Value, nil
	}}}
}

func (g google) transport(base http.RoundTripper) http.RoundTripper {
	client := &http.Client{Transport: base}
	must(httptransport.AddAuthorizationMiddleware(client,
		auth.NewCredentials(&auth.CredentialsOptions{TokenProvider: g.provider})))
	return client.Transport
}
