package keyringstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

// Config says where in the keyring the token is.
type Config struct {
	Service string // that people see the item under: the name of the program; needed
	Account string // tells its tokens apart: an issuer, a user; zero: "default"
	LockDir string // folder of the lock files; zero: <os.UserConfigDir>/oauth2grant
}

const maxName = 128 // bytes

// problem says what is wrong with a name that goes into the keyring, or
// nothing.
func problem(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxName:
		return fmt.Sprintf("has more than %d bytes", maxName)
	case strings.ContainsFunc(name, unicode.IsControl):
		return "has control characters"
	case strings.Contains(name, " #"):
		return `contains " #", which marks parts of a token`
	}
	return ""
}

// Store is an oauth2grant.Store. It is a value that holds nothing open, safe
// for concurrent use; all Stores of one service and account exclude each other.
// It comes from Open.
type Store struct {
	items
	lock *filestore.LockFile
}

var _ oauth2grant.Store = Store{}

// Open returns the store of the items that cfg names and makes its lock folder
// if there is none. It does not ask the keyring for anything.
func Open(cfg Config) (*Store, error) {
	if cfg.Account == "" {
		cfg.Account = "default"
	}
	if p := problem(cfg.Service); p != "" {
		return nil, fmt.Errorf("keyringstore: Config.Service %q %s", cfg.Service, p)
	}
	if strings.Contains(cfg.Service, ":") { // between service and account, on Windows
		return nil, fmt.Errorf("keyringstore: Config.Service %q has a colon", cfg.Service)
	}
	if p := problem(cfg.Account); p != "" {
		return nil, fmt.Errorf("keyringstore: Config.Account %q %s", cfg.Account, p)
	}
	if cfg.LockDir == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return nil, fmt.Errorf("keyringstore: no folder for configuration, set Config.LockDir: %w", err)
		}
		cfg.LockDir = filepath.Join(dir, "oauth2grant")
	}
	name := sha256.Sum256([]byte(cfg.Service + ":" + cfg.Account))
	path := filepath.Join(cfg.LockDir, fmt.Sprintf("keyring-%x", name[:8]))
	lock, err := filestore.OpenLock(path)
	if err != nil {
		return nil, fmt.Errorf("keyringstore: %w", err)
	}
	return &Store{items{systemRing{}, cfg.Service, cfg.Account}, lock}, nil
}

// Load reads the token. Besides [oauth2grant.ErrNoToken], which is
// [oauth2grant.ErrSignedOut] after Delete, and that of ctx, the errors are
// [ErrUnavailable], [ErrLocked] and [ErrCorrupt].
func (s Store) Load(ctx context.Context) (oauth2grant.Token, error) {
	t, err := call(ctx, s.read)
	if errors.Is(err, oauth2grant.ErrNoToken) {
		if version, lockErr := s.lock.Remembered(); lockErr == nil && version > 0 {
			return oauth2grant.Token{}, oauth2grant.ErrSignedOut
		}
	}
	return t, err
}

// Save writes the token; that of the zero Token is Delete. The errors are
// [ErrUnavailable], [ErrLocked], [ErrTooLarge], [oauth2grant.ErrLockLost],
// those of filestore for the lock files, and that of ctx. After an error the
// keyring holds the old token, except where it failed, or ctx ended, on the
// very last item: then it may hold either.
func (s Store) Save(ctx context.Context, t oauth2grant.Token) error {
	if t == (oauth2grant.Token{}) {
		return s.Delete(ctx)
	}
	return s.change(ctx, func(ctx context.Context, old head, version uint64) error {
		if err := s.write(ctx, old, t, version); err != nil {
			return err
		}
		return s.lock.Remember(0) // a token that is missing from now on was not deleted by a sign-out
	})
}

// Delete removes every item of the token. The errors are those of Save.
func (s Store) Delete(ctx context.Context) error {
	return s.change(ctx, func(ctx context.Context, _ head, version uint64) error {
		if err := s.lock.Remember(version); err != nil { // before the version in the head is gone
			return err
		}
		return s.erase(ctx)
	})
}

// change is what only one process does at a time.
func (s Store) change(ctx context.Context, write func(ctx context.Context, old head, version uint64) error) error {
	l, _ := ctx.Value(leaseKey{s.lock.Path()}).(*lease)
	_, err := call(ctx, func(ctx context.Context) (struct{}, error) {
		l.begin()
		defer l.end()
		var old head
		stored := func(ctx context.Context) (version uint64, err error) {
			old, version, err = s.version(ctx)
			return version, err
		}
		return struct{}{}, s.lock.Change(ctx, stored, func(version uint64) error { return write(ctx, old, version) })
	})
	return err
}

// Lock waits for every other holder, in this process and in others, until ctx
// ends. The lock lasts until unlock, or the end of the process; held is a child
// of ctx that ends with it only. The errors are that of ctx, ErrUnavailable,
// ErrLocked, and those of filestore for the lock file.
func (s Store) Lock(ctx context.Context) (held context.Context, unlock func(), err error) {
	held, release, err := s.lock.Lock(ctx, func(ctx context.Context) (uint64, error) {
		return call(ctx, func(ctx context.Context) (uint64, error) {
			_, version, err := s.version(ctx)
			return version, err
		})
	})
	if err != nil {
		return nil, nil, err
	}
	l := &lease{release: release}
	return context.WithValue(held, leaseKey{s.lock.Path()}, l), l.unlock, nil
}

// version reads the head for a filestore.LockFile.
func (s Store) version(ctx context.Context) (head, uint64, error) {
	h, err := s.head(ctx)
	if errors.Is(err, ErrCorrupt) {
		err = filestore.ErrCorrupt
	}
	return h, h.Version, err
}

// String names the store by its item.
func (s Store) String() string { return fmt.Sprintf("keyringstore(%q, %q)", s.service, s.account) }

// Format implements fmt.Formatter, so that no verb shows more than String does.
func (s Store) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue implements slog.LogValuer.
func (s Store) LogValue() slog.Value { return slog.StringValue(s.String()) }
