package bench

import (
	"context"
	"time"

	"github.com/databricks/databricks-sdk-go/config/experimental/auth"
	"golang.org/x/oauth2"
)

// openDatabricks cannot be told a lead: it is half of the lifetime, at most 20
// min.
func openDatabricks(s *server, _ time.Duration) cache {
	source := auth.TokenSourceFn(func(ctx context.Context) (*oauth2.Token, error) {
		t, err := s.issue(ctx)
		if err != nil {
			return nil, err
		}
		return &oauth2.Token{AccessToken: t.value, TokenType: "Bearer", Expiry: t.expiry}, nil
	})
	c := auth.NewCachedTokenSource(source, auth.WithAsyncRefresh(true))
	return plain{func(ctx context.Context) (string, error) {
		t, err := c.Token(ctx)
		if err != nil {
			return "", err
		}
		return t.AccessToken, nil
	}}
}
