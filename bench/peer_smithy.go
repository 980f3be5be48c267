package bench

import (
	"cmp"
	"context"
	"time"

	"github.com/aws/smithy-go/auth/bearer"
)

// openSmithy renews 5 min ahead and asks twice a minute at the most, unless it
// is told otherwise: the options have no such default, but their users do.
func openSmithy(s *server, lead time.Duration) cache {
	provider := bearer.TokenProviderFunc(func(ctx context.Context) (bearer.Token, error) {
		t, err := s.issue(ctx)
		return bearer.Token{Value: t.value, CanExpire: true, Expires: t.expiry}, err
	})
	c := bearer.NewTokenCache(provider, func(o *bearer.TokenCacheOptions) {
		o.RefreshBeforeExpires = cmp.Or(lead, 5*time.Minute)
		o.AsyncRefreshMinimumDelay = o.RefreshBeforeExpires / 10
	})
	return plain{func(ctx context.Context) (string, error) {
		t, err := c.RetrieveBearerToken(ctx)
		return t.Value, err
	}}
}
