package redisstore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/oauth2grant/go-oauth2grant/contrib/redisstore"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
)

func TestCheck_SaysWhyRedisCannotBeUsed(t *testing.T) {
	server := testservers.StartRedis(t, "--requirepass", "marked-password")
	raw := redis.NewClient(&redis.Options{Addr: server.Addr(), Password: "marked-password", ContextTimeoutEnabled: true})
	defer raw.Close()
	must(t, raw.Do(t.Context(), "ACL", "SETUSER", "scriptless", "on", ">marked-password", "~*", "&*", "+@all", "-@scripting").Err())
	for name, c := range map[string]struct{ user, password, code, hint string }{
		"no password":         {"", "", "NOAUTH", "wants a user"},
		"a wrong password":    {"", "marked-wrong", "WRONGPASS", "password is wrong"},
		"a user of none":      {"nobody", "marked-wrong", "WRONGPASS", "user or the password"},
		"no right to scripts": {"scriptless", "marked-password", "NOPERM", "lacks a right"},
	} {
		t.Run(name, func(t *testing.T) {
			client := redis.NewClient(&redis.Options{
				Addr: server.Addr(), Username: c.user, Password: c.password, ContextTimeoutEnabled: true, DialerRetries: 1,
			})
			defer client.Close()
			family, err := redisstore.New(client, redisstore.Config{})
			must(t, err)
			defer family.Close()
			s := family.Store("alice")
			_, _, lockErr := s.Lock(t.Context())
			for what, err := range map[string]error{"Check": family.Check(t.Context()), "Lock": lockErr} {
				refused, ok := errors.AsType[*redisstore.ServerError](err)
				if !ok || refused.Code != c.code || !strings.Contains(err.Error(), c.hint) || strings.Contains(err.Error(), "marked") {
					t.Errorf("%s returned %v", what, err)
				}
			}
			if err := s.Save(t.Context(), older); err == nil || strings.Contains(err.Error(), "marked") {
				t.Errorf("Save returned %v", err)
			}
		})
	}
}

func TestSave_WithoutRoomLosesNothing(t *testing.T) {
	server := testservers.StartRedis(t)
	raw := newClient(server.Addr())
	defer raw.Close()
	s := open(t, server.Addr()+" alice", redisstore.Config{})
	must(t, s.Save(t.Context(), older))
	must(t, raw.ConfigSet(t.Context(), "maxmemory", "1mb").Err())
	err := s.Save(t.Context(), newer)
	if refused, ok := errors.AsType[*redisstore.ServerError](err); !ok || refused.Code != "OOM" || !strings.Contains(err.Error(), "maxmemory") {
		t.Errorf("Save returned %v", err)
	}
	if _, _, err := s.Lock(t.Context()); !errors.As(err, new(*redisstore.ServerError)) { // nothing is sent
		t.Errorf("Lock returned %v", err)
	}
	holds(t, s, older)
	must(t, raw.ConfigSet(t.Context(), "maxmemory", "0").Err())
	must(t, s.Save(t.Context(), newer))
	holds(t, s, newer)
}

func TestLoad_RefusesWhatIsTooLarge(t *testing.T) {
	server := testservers.StartRedis(t)
	raw := newClient(server.Addr())
	defer raw.Close()
	s := open(t, server.Addr()+" alice", redisstore.Config{})
	must(t, raw.HSet(t.Context(), hashOf(" alice"), "token", strings.Repeat("x", 3<<20), "version", 1).Err())
	_, err := s.Load(t.Context())
	if refused, ok := errors.AsType[*redisstore.ServerError](err); !ok || refused.Code != "TOOLARGE" {
		t.Errorf("Load returned %v", err)
	}
}
