package redisstore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauth2grant/go-oauth2grant/contrib/redisstore"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// marked returns t with a mark, as a grant makes it.
func marked(tb testing.TB, t oauth2grant.Token, mark string) oauth2grant.Token {
	tb.Helper()
	var with oauth2grant.Token
	must(tb, json.Unmarshal(
		fmt.Appendf(nil, `{"access_token":%q,"token_type":"Bearer","refresh_token":%q,"oauth2grant":{"v":1,"mark":%q}}`,
			t.AccessToken, t.RefreshToken, mark), &with))
	return with
}

// retry calls f until it succeeds.
func retry(tb testing.TB, what string, f func() error) {
	tb.Helper()
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	giveUp := time.After(time.Minute)
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-pause.C:
		case <-giveUp:
			tb.Fatalf("no %s within a minute: %v", what, err)
		}
	}
}

func TestReplicas_AFailoverLosesNeitherMarkNorAnswer(t *testing.T) {
	sentinel := testservers.StartSentinel(t)
	client := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: "main", SentinelAddrs: sentinel.Addrs, ContextTimeoutEnabled: true, DialerRetries: 1,
	})
	defer client.Close()
	family, err := redisstore.New(client, redisstore.Config{Replicas: 1})
	must(t, err)
	defer family.Close()
	s := family.Store("alice")
	watch := redis.NewSentinelClient(&redis.Options{Addr: sentinel.Addrs[0]})
	defer watch.Close()
	master := func() string {
		addr, err := watch.GetMasterAddrByName(t.Context(), "main").Result()
		if err != nil || len(addr) != 2 {
			return ""
		}
		return net.JoinHostPort(addr[0], addr[1])
	}
	failsOver(t, s, func() { sentinel.Server(master()).Kill() })
}

// failsOver loses the master while the authorization server answers.
func failsOver(t *testing.T, s *redisstore.Store, lose func()) {
	t.Helper()
	retry(t, "replica", func() error { return s.Save(t.Context(), older) })
	var held context.Context
	retry(t, "marked token", func() error {
		ctx, unlock, err := s.Lock(t.Context())
		if err != nil {
			return err
		}
		if err = s.Save(ctx, marked(t, older, "m1")); err != nil {
			unlock()
			return err
		}
		held = ctx //nolint:fatcontext // that of the try that succeeded
		t.Cleanup(unlock)
		return nil
	})
	lose()
	retry(t, "answer", func() error { return s.SaveAnswer(context.WithoutCancel(held), "m1", newer) })
	holds(t, s, newer)
}
