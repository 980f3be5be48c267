package filestore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

// maxSize is the most that is read or written, in bytes.
const maxSize = 1 << 20

var (
	// ErrInsecure says that others may read or change the file, its lock or its
	// folder, or that the file is a link. The error that wraps it names the
	// path and the remedy.
	ErrInsecure = errors.New("filestore: not private")
	// ErrCorrupt says that the file holds no token that can be read. Nothing is
	// deleted; the next Save replaces the file.
	ErrCorrupt = errors.New("filestore: corrupt token file")
	// ErrTooLarge says that a token takes more than 1 MiB in the file.
	ErrTooLarge = errors.New("filestore: the token takes more than 1 MiB")
	// ErrMounted says that the file is mounted by itself and so cannot be
	// replaced: mount the folder that it is in.
	ErrMounted = errors.New("filestore: the file is mounted by itself and can't be replaced: " +
		"mount the folder that it is in")
)

// Config says where the token is and how it is kept. Exactly one of Name and
// Path is needed.
type Config struct {
	// Name is that of the program: the file is
	// <os.UserConfigDir>/<Name>/token.json. It has no separators.
	Name string

	// Path is that of the file, instead of Name.
	Path string

	// Keys encrypts the token. If nil, it is kept in clear.
	Keys seal.KeyFunc

	// AcceptPlain reads a token in clear although Keys is set. It is for a
	// migration only, see [seal.Box].
	AcceptPlain bool

	// Label is what an encrypted token is bound to. If empty, it is the
	// absolute path. Set it where the folder may move.
	Label string
}

// Store is an [oauth2grant.Store], an [oauth2grant.Notifier] and an
// [oauth2grant.AnswerSaver]. It is a value that holds no open file, safe for
// concurrent use; all Stores of one path exclude each other. It comes from
// [Open].
type Store struct {
	place
	box   seal.Box
	label string
}

var (
	_ oauth2grant.Store       = Store{}
	_ oauth2grant.Notifier    = Store{}
	_ oauth2grant.AnswerSaver = Store{}
)

// Open returns the store at the place that cfg names and makes its folder if
// there is none. It does not read the file. Besides those of cfg and of the
// file system, the errors are [ErrInsecure], of a link in place of the file,
// and [ErrMounted].
func Open(cfg Config) (*Store, error) {
	path, err := cfg.path()
	if err != nil {
		return nil, err
	}
	p, err := openPlace(path)
	if err != nil {
		return nil, err
	}
	if mounted(p.path()) {
		return nil, fmt.Errorf("%w: %s", ErrMounted, p.path())
	}
	s := &Store{place: p, box: seal.Box{Keys: cfg.Keys, AcceptPlain: cfg.AcceptPlain}, label: cfg.Label}
	if s.label == "" {
		s.label = s.Path()
	}
	return s, nil
}

// path returns the absolute path of the file.
func (cfg Config) path() (string, error) {
	switch {
	case (cfg.Name == "") == (cfg.Path == ""):
		return "", errors.New("filestore: Config needs a Name or a Path, and not both")
	case cfg.Path != "":
		return filePath("Config.Path", cfg.Path)
	case strings.ContainsAny(cfg.Name, "/\\:\x00") || cfg.Name == "." || !filepath.IsLocal(cfg.Name):
		return "", fmt.Errorf("filestore: Config.Name %q must be a plain name, without separators", cfg.Name)
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("filestore: no folder for configuration, set Config.Path: %w", err)
	}
	return filepath.Join(dir, cfg.Name, "token.json"), nil
}

func filePath(what, path string) (string, error) {
	if path == "" || strings.ContainsRune(path, 0) || strings.HasSuffix(path, "/") ||
		os.IsPathSeparator(path[len(path)-1]) {
		return "", fmt.Errorf("filestore: %s %q is not the path of a file", what, path)
	}
	path, err := filepath.Abs(path)
	return path, wrap(err)
}

// Load reads the token. Besides [oauth2grant.ErrNoToken], which is
// [oauth2grant.ErrSignedOut] after Delete, and those of the file system, the
// errors are [ErrInsecure], [ErrCorrupt], and, of an encrypted token, those of
// package seal.
func (s Store) Load(ctx context.Context) (oauth2grant.Token, error) {
	if err := ctx.Err(); err != nil {
		return oauth2grant.Token{}, err
	}
	f, err := s.open()
	if errors.Is(err, fs.ErrNotExist) {
		return oauth2grant.Token{}, oauth2grant.ErrNoToken
	} else if err != nil {
		return oauth2grant.Token{}, err
	}
	defer func() { _ = f.Close() }()
	data, err := f.read(s.base)
	if errors.Is(err, fs.ErrNotExist) {
		if version, err := f.recall(s.lockBase()); err == nil && version > 0 {
			return oauth2grant.Token{}, oauth2grant.ErrSignedOut
		}
		return oauth2grant.Token{}, oauth2grant.ErrNoToken
	} else if err != nil {
		return oauth2grant.Token{}, err
	}
	return s.decode(ctx, data)
}

func (s Store) decode(ctx context.Context, data []byte) (oauth2grant.Token, error) {
	r, err := parseRecord(data)
	if err != nil {
		return oauth2grant.Token{}, fmt.Errorf("%w: %s", err, s.Path())
	}
	plain, err := s.box.Open(ctx, r.Token, s.label)
	if err != nil {
		return oauth2grant.Token{}, fmt.Errorf("filestore: %s: %w", s.Path(), err)
	}
	var t oauth2grant.Token
	if json.Unmarshal(plain, &t) != nil || t.AccessToken == "" && t.RefreshToken == "" && t.IDToken == "" {
		return oauth2grant.Token{}, fmt.Errorf("%w: %s", ErrCorrupt, s.Path())
	}
	return t, nil
}

// Save writes the token; that of the zero Token is Delete. The errors are
// [ErrInsecure] (of the folder, or of a link in place of the file),
// [ErrTooLarge], [ErrMounted], [oauth2grant.ErrLockLost], [seal.ErrKey] and
// those of the file system; then the file is as it was, unless the error came
// from syncing the folder.
func (s Store) Save(ctx context.Context, t oauth2grant.Token) error {
	return s.save(ctx, "", t)
}

// SaveAnswer implements [oauth2grant.AnswerSaver]. The errors are those of
// Save.
func (s Store) SaveAnswer(ctx context.Context, mark string, t oauth2grant.Token) error {
	if mark == "" {
		return fmt.Errorf("%w: there is no mark: %s", oauth2grant.ErrLockLost, s.Path())
	}
	return s.save(ctx, mark, t)
}

// save writes the token, if answers is not empty over the one with that mark
// only.
func (s Store) save(ctx context.Context, answers string, t oauth2grant.Token) error {
	if t == (oauth2grant.Token{}) {
		return s.remove(ctx, answers)
	}
	plain, err := json.Marshal(t)
	if err != nil {
		return wrap(err)
	}
	sealed, err := s.box.Seal(ctx, plain, s.label)
	if err != nil {
		return fmt.Errorf("filestore: %s: %w", s.Path(), err)
	}
	if err := makeFolder(s.dir); err != nil {
		return wrap(err)
	}
	same := func(old record) bool { // an answer may be saved again: the first time may have failed to be durable
		was, err := s.box.Open(ctx, old.Token, s.label)
		return err == nil && bytes.Equal(was, plain)
	}
	marked := change{answers: answers, mark: t.Mark()}
	return s.update(ctx, marked, same, func(f folder, old record, version uint64) error {
		r := record{Format: format, Version: version, News: version, Mark: t.Mark(), Token: sealed}
		if r.Mark != "" {
			r.News = old.News
		}
		data, err := r.encode()
		if err != nil {
			return err
		}
		if err := f.replace(s.base, data); err != nil {
			return err
		}
		return f.remember(s.lockBase(), 0) // a token that is missing from now on was not deleted by a sign-out
	})
}

// Delete removes the file and what a killed process may have left beside it,
// and syncs the folder. The errors are those of Save.
func (s Store) Delete(ctx context.Context) error { return s.remove(ctx, "") }

func (s Store) remove(ctx context.Context, answers string) error {
	none := func(old record) bool { return old.Token == nil }
	err := s.update(ctx, change{answers: answers}, none, func(f folder, _ record, version uint64) error {
		if err := f.sweep(s.base); err != nil {
			return err
		}
		if _, err := f.Lstat(s.base); errors.Is(err, fs.ErrNotExist) {
			return errUnchanged
		}
		if err := f.remember(s.lockBase(), version); err != nil { // before the version in the file is gone
			return err
		}
		return f.remove(s.base)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// update runs one change of the file, which write makes over the old record.
// saved reports whether a record is already what an answer is to make of it.
func (s Store) update(ctx context.Context, c change, saved func(old record) bool,
	write func(f folder, old record, version uint64) error,
) error {
	var old record
	stored := func(_ context.Context, f folder) (version uint64, known bool, err error) {
		old, known = s.record(f)
		return old.Version, known, nil
	}
	return s.change(ctx, c, stored, func(f folder, version uint64) error {
		if err := f.refuseLink(s.base); err != nil {
			return err
		}
		if c.answers != "" && old.Mark != c.answers && !saved(old) {
			return fmt.Errorf("%w: %s has changed since the request was made", oauth2grant.ErrLockLost, s.Path())
		}
		return write(f, old, version)
	})
}

// Path returns the absolute path of the token file, with the symbolic links of
// its folder resolved.
func (s Store) Path() string { return s.path() }

// String names the store by its path.
func (s Store) String() string { return "filestore(" + s.Path() + ")" }

// Format implements [fmt.Formatter], so that no verb shows more than String
// does.
func (s Store) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue implements [slog.LogValuer].
func (s Store) LogValue() slog.Value { return slog.StringValue(s.String()) }
