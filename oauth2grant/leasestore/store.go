package leasestore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

var (
	// ErrCorrupt says that what is stored is no token. Nothing is deleted; the
	// next Save replaces it.
	ErrCorrupt = errors.New("leasestore: what is stored is no token")
	// ErrClosed says that the [Family] was closed.
	ErrClosed = errors.New("leasestore: closed")
)

// Store is the [oauth2grant.Store], [oauth2grant.Notifier] and
// [oauth2grant.AnswerSaver] of one key. It is a value, safe for concurrent use;
// all Stores of one key and place share one token and exclude each other, in
// all processes. It comes from [Family.Store].
//
// Its methods return an error after [Config.Timeout] when the database can't be
// reached, and wrap what the [Backend] says.
type Store struct {
	family *Family
	key    string
}

var (
	_ oauth2grant.Store       = Store{}
	_ oauth2grant.Notifier    = Store{}
	_ oauth2grant.AnswerSaver = Store{}
)

// Store returns the store of a key, such as the name of a user. The key is no
// secret: it is seen in errors and by everybody who may look at the database.
// It does not connect.
func (f *Family) Store(key string) *Store { return &Store{family: f, key: key} }

// exchange runs one exchange with the database, bounded in time.
func (s Store) exchange(ctx context.Context, what string, do func(context.Context) error) error {
	err := ctx.Err()
	if err == nil {
		limited, cancel := context.WithTimeout(ctx, s.family.cfg.Timeout)
		defer cancel()
		if err = do(limited); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s: %s of %q: %w", s.family.cfg.Name, what, s.key, ended(ctx, err))
}

// ended adds to an error why ctx ended, if it has.
func ended(ctx context.Context, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) { // some clients turn deadlines into those of the socket
		err = fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
	}
	if why := ctx.Err(); why != nil && !errors.Is(err, why) {
		err = errors.Join(why, err)
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// place is what the token is sealed for.
func (s Store) place() string { return s.family.cfg.Place + ":" + s.key }

// Load returns the token. Besides [oauth2grant.ErrNoToken], which is
// [oauth2grant.ErrSignedOut] after Delete, the errors are [ErrCorrupt], those
// of package seal, and those of the database.
func (s Store) Load(ctx context.Context) (oauth2grant.Token, error) {
	var data []byte
	var version int64
	err := s.exchange(ctx, "load", func(ctx context.Context) (err error) {
		data, version, err = s.family.backend.Load(ctx, s.key)
		return err
	})
	switch {
	case err != nil:
		return oauth2grant.Token{}, err
	case data == nil && version > 0:
		return oauth2grant.Token{}, oauth2grant.ErrSignedOut
	case data == nil:
		return oauth2grant.Token{}, oauth2grant.ErrNoToken
	}
	plain, err := s.family.box.Open(ctx, data, s.place())
	if err != nil {
		return oauth2grant.Token{}, fmt.Errorf("%s: load of %q: %w", s.family.cfg.Name, s.key, err)
	}
	var t oauth2grant.Token
	if json.Unmarshal(plain, &t) != nil || t.AccessToken == "" && t.RefreshToken == "" && t.IDToken == "" {
		return oauth2grant.Token{}, fmt.Errorf("%s: load of %q: %w", s.family.cfg.Name, s.key, ErrCorrupt)
	}
	return t, nil
}

// Save replaces the token; that of the zero Token is Delete. Besides those of
// the database, the errors are [oauth2grant.ErrLockLost] and [seal.ErrKey].
func (s Store) Save(ctx context.Context, t oauth2grant.Token) error {
	c := Change{Mark: t.Mark()}
	l := s.lease(ctx)
	switch {
	case l == nil && c.Mark != "":
		return s.lost("save", "a token with a mark needs it")
	case l == nil:
	case l.released.Load():
		return s.lost("save", "unlock was called")
	default:
		c.Fence, c.Version = l.fence, l.version
	}
	if c.Mark == "" {
		return s.change(ctx, "save", c, t)
	}
	c.Hold = max(s.family.cfg.Lease, markLife)
	held := l.hold(c.Hold, true)
	if err := s.change(ctx, "save", c, t); err != nil {
		return err
	}
	held()
	return nil
}

// Delete removes the token. The errors are those of Save.
func (s Store) Delete(ctx context.Context) error { return s.Save(ctx, oauth2grant.Token{}) }

// SaveAnswer implements [oauth2grant.AnswerSaver]. The errors are those of
// Save.
func (s Store) SaveAnswer(ctx context.Context, mark string, t oauth2grant.Token) error {
	if mark == "" {
		return s.lost("save", "there is no mark")
	}
	return s.change(ctx, "save of the answer", Change{Answers: mark}, t)
}

// change makes one change, with the token sealed.
func (s Store) change(ctx context.Context, what string, c Change, t oauth2grant.Token) error {
	if t != (oauth2grant.Token{}) {
		plain, err := json.Marshal(t)
		if err == nil {
			c.Token, err = s.family.box.Seal(ctx, plain, s.place())
		}
		if err != nil {
			return fmt.Errorf("%s: %s of %q: %w", s.family.cfg.Name, what, s.key, err)
		}
	}
	saved := false
	err := s.exchange(ctx, what, func(ctx context.Context) (err error) {
		saved, err = s.family.backend.Save(ctx, s.key, c)
		return err
	})
	if err == nil && !saved {
		err = s.lost(what, "somebody else has taken it, or has changed the token")
	}
	return err
}

func (s Store) lost(what, why string) error {
	return fmt.Errorf("%s: %s of %q: %w: %s", s.family.cfg.Name, what, s.key, oauth2grant.ErrLockLost, why)
}

// Notify implements [oauth2grant.Notifier]. changed is also called after a
// change by this Store, and for every key after the connection was made: what
// was told before is lost. changed must not call stop. After [Family.Close]
// nothing is told.
func (s Store) Notify(changed func()) (stop func()) { return s.family.notify(s.key, changed) }

// String names the store by its package, place and key.
func (s Store) String() string {
	return fmt.Sprintf("%s(%s, %q)", s.family.cfg.Name, s.family.cfg.Place, s.key)
}

// Format implements [fmt.Formatter], so that no verb shows more than String
// does.
func (s Store) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue implements [slog.LogValuer].
func (s Store) LogValue() slog.Value { return slog.StringValue(s.String()) }
