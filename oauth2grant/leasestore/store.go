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
// Its methods return an error after 3 s when the database can't be reached, or
// does not answer in that time, and wrap what the [Backend] says.
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

// failed says of an error what it kept from being done; nil stays nil.
func (s Store) failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %s of %.100q: %w", s.family.cfg.Name, what, s.key, err)
}

// ended adds to an error why ctx ended, if it has; nil stays nil.
func ended(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
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
	var data, plain []byte
	var version int64
	err := s.family.exchange(ctx, func(ctx context.Context) (err error) {
		data, version, err = s.family.backend.Load(ctx, s.key)
		if err == nil && data != nil {
			plain, err = s.family.box.Open(ctx, data, s.place())
		}
		return err
	})
	switch {
	case err != nil:
		return oauth2grant.Token{}, s.failed("load", err)
	case data == nil && version > 0:
		return oauth2grant.Token{}, oauth2grant.ErrSignedOut
	case data == nil:
		return oauth2grant.Token{}, oauth2grant.ErrNoToken
	}
	var t oauth2grant.Token
	if json.Unmarshal(plain, &t) != nil || t.AccessToken == "" && t.RefreshToken == "" && t.IDToken == "" {
		return oauth2grant.Token{}, s.failed("load", ErrCorrupt)
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
		return s.failed("save", fmt.Errorf("%w: a token with a mark needs it", oauth2grant.ErrLockLost))
	case l == nil:
		return s.change(ctx, c, t)
	case l.released.Load():
		return s.failed("save", errUnlocked)
	}
	c.Fence, c.Version = l.fence, l.version
	if c.Mark != "" {
		c.Hold = max(s.family.cfg.Lease, markLife)
	}
	held := l.hold(c.Hold, c.Mark != "")
	err := s.change(ctx, c, t)
	if err == nil {
		held()
	}
	return err
}

// Delete removes the token. The errors are those of Save.
func (s Store) Delete(ctx context.Context) error { return s.Save(ctx, oauth2grant.Token{}) }

// SaveAnswer implements [oauth2grant.AnswerSaver]. The errors are those of
// Save.
func (s Store) SaveAnswer(ctx context.Context, mark string, t oauth2grant.Token) error {
	if mark == "" {
		return s.failed("save", fmt.Errorf("%w: there is no mark", oauth2grant.ErrLockLost))
	}
	return s.change(ctx, Change{Answers: mark}, t)
}

// change makes one change, with the token sealed.
func (s Store) change(ctx context.Context, c Change, t oauth2grant.Token) error {
	return s.failed("save", s.family.exchange(ctx, func(ctx context.Context) error {
		if t != (oauth2grant.Token{}) {
			plain, err := json.Marshal(t)
			if err == nil {
				c.Token, err = s.family.box.Seal(ctx, plain, s.place())
			}
			if err != nil {
				return err
			}
		}
		saved, err := s.family.backend.Save(ctx, s.key, c)
		if err == nil && !saved {
			err = fmt.Errorf("%w: somebody else has taken it, or has changed the token", oauth2grant.ErrLockLost)
		}
		return err
	}))
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
