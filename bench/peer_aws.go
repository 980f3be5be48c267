package bench

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

func openAWS(s *server, lead time.Duration) cache {
	provider := aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		t, err := s.issue(ctx)
		return aws.Credentials{
			AccessKeyID: "id", SecretAccessKey: t.value, SessionToken: t.value, CanExpire: true, Expires: t.expiry,
		}, err
	})
	c := aws.NewCredentialsCache(provider, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = lead })
	return plain{func(ctx context.Context) (string, error) {
		got, err := c.Retrieve(ctx)
		return got.SessionToken, err
	}}
}
