package drives

import (
	"context"
	"errors"
	"io"
	"log"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// franzTokens has franz-go ask at each connection, and for each time that a
// broker wants to see a token again.
func franzTokens(g *oauth2grant.Grant) sasl.Mechanism {
	return oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		token, err := g.AccessToken(ctx)
		return oauth.Auth{Token: token}, err
	})
}

func TestFranz(t *testing.T) {
	srv, g := open(t)
	mechanism := franzTokens(g)
	stampede(t, srv, g, func() error {
		session, first, err := mechanism.Authenticate(t.Context(), "broker.example:9093")
		if err != nil {
			return err
		}
		if mechanism.Name() != "OAUTHBEARER" || !bearer(srv, first) {
			return errors.New("the first message has no good token")
		}
		done, _, err := session.Challenge(nil) // the broker has nothing against it
		if err == nil && !done {
			err = errors.New("the session goes on")
		}
		return err
	})
}

// saramaTokens is a [sarama.AccessTokenProvider], which has no context and must
// not block for long.
type saramaTokens struct{ grant *oauth2grant.Grant }

func (s saramaTokens) Token() (*sarama.AccessToken, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	token, err := s.grant.AccessToken(ctx)
	if err != nil {
		return nil, err
	}
	return &sarama.AccessToken{Token: token}, nil
}

func TestSarama(t *testing.T) {
	sarama.Logger = log.New(io.Discard, "", 0)
	srv, g := open(t)
	provider := saramaTokens{g}
	broker := sarama.NewMockBroker(t, 1)
	t.Cleanup(broker.Close)
	broker.SetHandlerByMap(map[string]sarama.MockResponse{
		"ApiVersionsRequest": sarama.NewMockApiVersionsResponse(t),
		"SaslHandshakeRequest": sarama.NewMockSaslHandshakeResponse(t).
			SetEnabledMechanisms([]string{sarama.SASLTypeOAuth}),
		"SaslAuthenticateRequest": sarama.NewMockSaslAuthenticateResponse(t),
	})
	cfg := sarama.NewConfig()
	cfg.Net.SASL.Enable = true
	cfg.Net.SASL.Mechanism = sarama.SASLTypeOAuth
	cfg.Net.SASL.TokenProvider = provider
	cfg.ApiVersionsRequest = false
	b := sarama.NewBroker(broker.Addr())
	stampede(t, srv, g, func() error {
		token, err := provider.Token()
		if err == nil && !srv.Active(token.Token) {
			err = errors.New("no good token")
		}
		return err
	})
	if err := b.Open(cfg); err != nil {
		t.Fatal(err)
	}
	if ok, err := b.Connected(); !ok || err != nil {
		t.Fatalf("%v %v", ok, err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	sent := 0
	for _, exchange := range broker.History() {
		if r, ok := exchange.Request.(*sarama.SaslAuthenticateRequest); ok && bearer(srv, r.SaslAuthBytes) {
			sent++
		}
	}
	if sent != 1 {
		t.Errorf("the broker got %d good tokens", sent)
	}
}
