package etcdstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/oauth2grant/go-oauth2grant/contrib/etcdstore"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func open(tb testing.TB, place string) closing {
	tb.Helper()
	s, err := openAt(place, etcdstore.Config{})
	must(tb, err)
	tb.Cleanup(func() { must(tb, s.Close()) })
	return s
}

func TestStore_KeysOfAnyKindDoNotMeet(t *testing.T) {
	server := testservers.StartEtcd(t)
	s := open(t, server.Addr()+" alice")
	keys := []string{"", "/", "a", "a/", "../a", "token/a", " ", "a\x00b", "\xff", "\u00e9", "e\u0301", strings.Repeat("x", 100_000)}
	for i, key := range keys {
		held, unlock, err := s.family.Store(key).Lock(t.Context())
		must(t, err)
		must(t, s.family.Store(key).Save(held, oauth2grant.Token{AccessToken: fmt.Sprint(i)}))
		unlock()
	}
	for i, key := range keys {
		if got, err := s.family.Store(key).Load(t.Context()); err != nil || got.AccessToken != fmt.Sprint(i) {
			t.Errorf("key %d holds %q, %v", i, got.AccessToken, err)
		}
	}
	if err := s.family.Store(strings.Repeat("x", 2<<20)).Save(t.Context(), oauth2grant.Token{AccessToken: "a"}); err == nil {
		t.Error("a key of 2 MiB is kept")
	} else if len(err.Error()) > 1000 {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}

func TestSave_WithoutRoomLosesNothing(t *testing.T) {
	server := testservers.StartEtcd(t, "--quota-backend-bytes", "1000000")
	s := open(t, server.Addr()+" alice")
	older, newer := oauth2grant.Token{AccessToken: "older"}, oauth2grant.Token{AccessToken: "newer"}
	must(t, s.Save(t.Context(), older))
	var full error
	for full == nil {
		_, full = s.client.Put(t.Context(), "filler", strings.Repeat("x", 100_000))
	}
	_, _, lockErr := s.Lock(t.Context())
	for what, err := range map[string]error{"Save": s.Save(t.Context(), newer), "Lock": lockErr} {
		if !errors.Is(err, rpctypes.ErrNoSpace) {
			t.Errorf("%s returned %v", what, err)
		}
	}
	if got, err := s.Load(t.Context()); err != nil || got != older {
		t.Errorf("Load returned %v, %v", got, err)
	}
	deleted, err := s.client.Delete(t.Context(), "filler")
	must(t, err)
	_, err = s.client.Compact(t.Context(), deleted.Header.Revision)
	must(t, err)
	_, err = s.client.Defragment(t.Context(), server.Addr())
	must(t, err)
	_, err = s.client.AlarmDisarm(t.Context(), &clientv3.AlarmMember{})
	must(t, errors.Join(err, s.Save(t.Context(), newer)))
}

func TestCheck_SaysWhyEtcdCannotBeUsed(t *testing.T) {
	server := testservers.StartEtcd(t)
	s := open(t, server.Addr()+" alice")
	must(t, s.family.Check(t.Context()))
	_, userErr := s.client.UserAdd(t.Context(), "root", "marked-password")
	_, roleErr := s.client.UserGrantRole(t.Context(), "root", "root")
	_, poorErr := s.client.UserAdd(t.Context(), "poor", "marked-password")
	_, authErr := s.client.AuthEnable(t.Context())
	must(t, errors.Join(userErr, roleErr, poorErr, authErr))
	poor, err := clientv3.New(clientv3.Config{
		Endpoints: []string{server.Addr()}, Username: "poor", Password: "marked-password", Logger: zap.NewNop(),
	})
	must(t, err)
	defer poor.Close()
	poorFamily, err := etcdstore.New(poor, etcdstore.Config{})
	must(t, err)
	defer poorFamily.Close()
	for name, c := range map[string]struct {
		family *etcdstore.Family
		want   error
	}{
		"no user":               {s.family, rpctypes.ErrUserEmpty},
		"a user without rights": {poorFamily, rpctypes.ErrPermissionDenied},
	} {
		if err := c.family.Check(t.Context()); !errors.Is(err, c.want) || strings.Contains(err.Error(), "marked") {
			t.Errorf("%s: Check returned %v", name, err)
		}
	}
}
