package drives

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/auth"
	"github.com/redis/go-redis/v9/logging"

	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// redisTokens is an [auth.StreamingCredentialsProvider]: connections that are
// open sign in again with each new token.
type redisTokens struct {
	grant *oauth2grant.Grant
	user  string

	mu        sync.Mutex // guards listeners
	listeners map[auth.CredentialsListener]bool
}

// newRedisTokens returns the credentials of a user whose password is the token.
// stop ends it.
func newRedisTokens(g *oauth2grant.Grant, user string) (p *redisTokens, stop func()) {
	p = &redisTokens{grant: g, user: user, listeners: map[auth.CredentialsListener]bool{}}
	return p, g.Subscribe(p.event)
}

func (p *redisTokens) event(_ context.Context, e oauth2grant.Event) {
	for _, l := range p.everybody() { // who may leave while being told
		if e.Token.AccessToken != "" {
			l.OnNext(auth.NewBasicCredentials(p.user, e.Token.AccessToken))
		} else if e.Kind == oauth2grant.EventLoginRequired {
			l.OnError(e.Err)
		}
	}
}

func (p *redisTokens) everybody() (all []auth.CredentialsListener) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.listeners {
		all = append(all, l)
	}
	return all
}

// Subscribe implements [auth.StreamingCredentialsProvider].
func (p *redisTokens) Subscribe(l auth.CredentialsListener) (auth.Credentials, auth.UnsubscribeFunc, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	p.mu.Lock()
	p.listeners[l] = true
	p.mu.Unlock()
	leave := func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.listeners, l)
		return nil
	}
	token, err := p.grant.AccessToken(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, leave())
	}
	return auth.NewBasicCredentials(p.user, token), leave, nil
}

func TestRedis_OneConnectionLivesThroughTwentyTokens(t *testing.T) {
	logging.Disable() // go-redis tells of every connection that is busy signing in
	server := testservers.StartRedis(t)
	operator := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = operator.Close() })
	_, g := open(t)
	// It stands for a Redis that checks tokens: it knows the newest one only.
	stop := g.Subscribe(func(ctx context.Context, e oauth2grant.Event) {
		if e.Token.AccessToken == "" {
			return
		}
		err := operator.Do(ctx, "ACL", "SETUSER", "service", "on", "resetpass", ">"+e.Token.AccessToken, "~*",
			"+@all").Err()
		if err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	// The first token must be known before the first connection signs in.
	known := make(chan struct{}, 64)
	tell := func(context.Context, oauth2grant.Event) { known <- struct{}{} }
	t.Cleanup(g.Subscribe(tell))
	if _, err := g.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-known

	provider, end := newRedisTokens(g, "service")
	t.Cleanup(end)
	client := redis.NewClient(&redis.Options{
		Addr: server.Addr(), StreamingCredentialsProvider: provider, PoolSize: 1, MaxRetries: -1, DisableIdentity: true,
	})
	t.Cleanup(func() { _ = client.Close() })
	first, err := client.ClientID(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	const tokens = 20
	for range tokens {
		before := signIns(t, operator)
		if _, err := g.FetchToken(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-known
		for signIns(t, operator) == before { // commands go on while the connection signs in again
			if err := client.Incr(t.Context(), "n").Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	// While its one connection signs in again, go-redis may dial another for a
	// command; the first must be there at the end all the same.
	there, err := operator.Do(t.Context(), "CLIENT", "LIST", "ID", first).Text()
	if err != nil || !strings.Contains(there, "user=service") {
		t.Errorf("connection %d is gone: %q %v", first, there, err)
	}
	if who, err := client.Do(t.Context(), "ACL", "WHOAMI").Text(); err != nil || who != "service" {
		t.Errorf("%q %v", who, err)
	}
}

// signIns returns what Redis counts of AUTH, which changes with each.
func signIns(t *testing.T, operator *redis.Client) string {
	t.Helper()
	info, err := operator.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, of, _ := strings.Cut(info, "cmdstat_auth:")
	count, _, _ := strings.Cut(of, ",")
	return count
}
