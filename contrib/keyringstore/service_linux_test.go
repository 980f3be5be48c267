package keyringstore_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/zalando/go-keyring"

	"github.com/oauth2grant/go-oauth2grant/contrib/keyringstore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest/storetest"
)

const testService = "keyringstore-test"

// openAt returns the store of a place: a folder for the lock, whose name is the
// account.
func openAt(place string) (*keyringstore.Store, error) {
	return keyringstore.Open(keyringstore.Config{Service: testService, Account: filepath.Base(place), LockDir: place})
}

var harness = storetest.Harness{
	Name: "Secret Service",
	Open: func(place string) (oauth2grant.Store, error) { return openAt(place) },
	Place: func(tb testing.TB) string {
		tb.Helper()
		place := filepath.Join(privateDir(tb), rand.Text())
		tb.Cleanup(func() { _ = keyring.Delete(testService, filepath.Base(place)) })
		return place
	},
	Processes: true,
	Corrupt: func(place string, data []byte) error {
		return keyring.Set(testService, filepath.Base(place), string(data))
	},
	Break: func(string) (func(), error) {
		err := stopKeyring()
		return func() {
			if err := startKeyring(); err != nil {
				panic(err)
			}
		}, err
	},
}

func TestConformance(t *testing.T) {
	needSession(t)
	storetest.Run(t, harness)
}

// stored returns a store in the real keyring that holds a token.
func stored(t *testing.T) *keyringstore.Store {
	t.Helper()
	needSession(t)
	s, err := openAt(harness.Place(t))
	must(t, err)
	must(t, s.Save(t.Context(), tokenOf("old", 9<<10)))
	return s
}

func TestStore_IsUnavailableWithoutABus(t *testing.T) {
	s := stored(t)
	conn, err := dbus.SessionBus()
	must(t, err)
	must(t, conn.Close())
	if _, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Getuid())); err == nil && os.Getenv("CI") != "true" {
		t.Skip("without an address go-keyring would find the keyring of this desktop")
	}
	for name, address := range map[string]string{
		"no address": "", "a dead address": "unix:path=" + filepath.Join(t.TempDir(), "none"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", "") // no dbus-launch either
			t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
			_, err := s.Load(t.Context())
			fails(t, err, keyringstore.ErrUnavailable)
			fails(t, s.Save(t.Context(), tokenOf("next", 1)), keyringstore.ErrUnavailable)
		})
	}
	holds(t, s, tokenOf("old", 9<<10))
}

func TestStore_IsUnavailableWithoutAService(t *testing.T) {
	s := stored(t)
	must(t, stopKeyring())
	_, err := s.Load(t.Context())
	must(t, startKeyring())
	fails(t, err, keyringstore.ErrUnavailable)
	holds(t, s, tokenOf("old", 9<<10))
}

// lockKeyring locks the keyring; a new daemon opens it.
func lockKeyring(t *testing.T) {
	t.Helper()
	conn, err := dbus.SessionBus()
	must(t, err)
	service := conn.Object(serviceName, "/org/freedesktop/secrets")
	must(t, service.Call("org.freedesktop.Secret.Service.Lock", 0,
		[]dbus.ObjectPath{"/org/freedesktop/secrets/collection/login"}).Err)
	t.Cleanup(func() {
		if err := stopKeyring(); err != nil {
			t.Error(err)
		}
		if err := startKeyring(); err != nil {
			t.Error(err)
		}
	})
}

func TestStore_ALockedKeyringThatNobodyCanUnlockIsLocked(t *testing.T) {
	s := stored(t)
	lockKeyring(t)
	_, err := s.Load(t.Context())
	fails(t, err, keyringstore.ErrLocked)
	fails(t, s.Save(t.Context(), tokenOf("next", 1)), keyringstore.ErrLocked)
	_, _, err = s.Lock(t.Context())
	fails(t, err, keyringstore.ErrLocked)
}
