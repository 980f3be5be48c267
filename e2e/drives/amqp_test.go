package drives

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log"
	"strconv"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// keepSecret has a connection to RabbitMQ know each new token before the old
// one ends: from then on the broker refuses what it asks for, or closes it.
// Call stop before conn.Close.
func keepSecret(g *oauth2grant.Grant, conn *amqp.Connection) (stop func()) {
	return g.Subscribe(func(_ context.Context, e oauth2grant.Event) {
		if e.Token.AccessToken == "" {
			return
		}
		if err := conn.UpdateSecret(e.Token.AccessToken, "renewed"); err != nil {
			log.Print("the broker did not take the new token: ", err) // the program connects anew when conn is closed
		}
	})
}

// openBroker starts a RabbitMQ and opens a grant whose tokens it takes, each
// for so long.
func openBroker(t *testing.T, lifetime time.Duration) (*testservers.RabbitMQ, *oauth2grant.Grant) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	broker := testservers.StartRabbitMQ(t, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	srv, g := openWith(t, granttest.Config{Lifetime: lifetime})
	srv.Break(granttest.Token, granttest.Fault{Edit: func(answer map[string]any) {
		answer["access_token"], err = jwt.Signed(signer).Claims(map[string]any{
			"aud": "rabbitmq", "sub": "service", "exp": time.Now().Add(lifetime).Unix(), "jti": rand.Text(),
			"scope": "rabbitmq.configure:*/* rabbitmq.write:*/* rabbitmq.read:*/*",
		}).Serialize()
		if err != nil {
			t.Error(err)
		}
	}})
	return broker, g
}

// dialBroker connects with the token that the grant holds.
func dialBroker(t *testing.T, broker *testservers.RabbitMQ, g *oauth2grant.Grant) *amqp.Connection {
	t.Helper()
	token, err := g.AccessToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := amqp.DialConfig(broker.URL(), amqp.Config{
		SASL: []amqp.Authentication{&amqp.PlainAuth{Password: token}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// echo publishes messages and returns what comes back.
func echo(t *testing.T, conn *amqp.Connection) (say func(text string) string) {
	t.Helper()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	queue, err := ch.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := ch.Consume(queue.Name, "", true, true, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return func(text string) string {
		err := ch.PublishWithContext(t.Context(), "", queue.Name, true, false, amqp.Publishing{Body: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		select {
		case m := <-messages: // empty if the channel was closed
			return string(m.Body)
		case <-time.After(progress.Limit):
			return "nothing"
		}
	}
}

// declare has the broker look at the token of a connection.
func declare(conn *amqp.Connection) error {
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	_, err = ch.QueueDeclare("", false, true, true, false, nil)
	return err
}

func TestAMQP_OneConnectionLivesThroughTwentyTokens(t *testing.T) {
	broker, g := openBroker(t, 6*time.Second)
	conn := dialBroker(t, broker, g)
	stop := keepSecret(g, conn)
	known := make(chan string, 64)
	// After the broker.
	t.Cleanup(g.Subscribe(func(_ context.Context, e oauth2grant.Event) { known <- e.Token.AccessToken }))
	say := echo(t, conn)

	// Another connection, of which nobody takes care, says when the broker
	// would have refused this one.
	forgotten := dialBroker(t, broker, g)
	sent := 0
	var refused error
	for tokens := 0; tokens < 20 || refused == nil; sent++ {
		if tokens < 20 {
			fetched, err := g.FetchToken(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for token := ""; token != fetched.AccessToken; tokens++ {
				token = <-known
			}
		}
		want := "message " + strconv.Itoa(sent)
		if got := say(want); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
		if err := declare(conn); err != nil {
			t.Fatal(err)
		}
		refused = declare(forgotten)
	}
	if why, ok := errors.AsType[*amqp.Error](refused); !ok || why.Code != amqp.AccessRefused {
		t.Errorf("the other connection: %v", refused)
	}
	_ = forgotten.Close()
	stop() // before conn.Close, which an update under way would meet
	t.Logf("%d messages; the connection of which nobody took care: %v", sent, refused)
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}
