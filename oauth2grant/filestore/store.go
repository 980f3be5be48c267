package filestore

import (
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
	// ErrInsecure says that others may read or change the file, its lock or its folder. The error that wraps it names the path and the remedy.
	ErrInsecure = errors.New("filestore: not private")
	// ErrCorrupt says that the file holds no token that can be read. Nothing is deleted; the next Save replaces the file.
	ErrCorrupt = errors.New("filestore: corrupt token file")
	// ErrLockLost says that a Save or Delete came with the context of a lock that was released or lost. The file was not touched.
	ErrLockLost = errors.New("filestore: the lock is not held any more")
	// ErrTooLarge says that a token takes more than 1 MiB in the file.
	ErrTooLarge = errors.New("filestore: the token takes more than 1 MiB")
)

// Config says where the token is and how it is kept. One of Name and Path is needed.
type Config struct {
	Name string // of the program: the file is <os.UserConfigDir>/<Name>/token.json; no separators
	Path string // of the file, instead of Name

	Keys        seal.KeyFunc // encrypts the token; nil: it is kept in clear
	AcceptPlain bool         // read a token in clear although Keys is set: for a migration only, see seal.Box
	Label       string       // what an encrypted token is bound to; zero: the absolute path. Set it where the folder may move.
}

// Store is an oauth2grant.Store. It is a value that holds no open file, safe for concurrent use; all Stores of one path exclude each other. It comes from
// Open.
type Store struct {
	place
	box   seal.Box
	label string
}

var _ oauth2grant.Store = Store{}

// Open gives the store at the place that cfg names and makes its folder if there is none. It does not look at the file.
func Open(cfg Config) (*Store, error) {
	path, err := cfg.path()
	if err != nil {
		return nil, err
	}
	p, err := openPlace(path)
	if err != nil {
		return nil, err
	}
	s := &Store{place: p, box: seal.Box{Keys: cfg.Keys, AcceptPlain: cfg.AcceptPlain}, label: cfg.Label}
	if s.label == "" {
		s.label = s.Path()
	}
	return s, nil
}

// path gives the absolute path of the file.
func (cfg Config) path() (string, error) {
	switch {
	case (cfg.Name == "") == (cfg.Path == ""):
		return "", errors.New("filestore: Config needs either a Name or a Path")
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
	if path == "" || strings.ContainsRune(path, 0) || strings.HasSuffix(path, "/") || os.IsPathSeparator(path[len(path)-1]) {
		return "", fmt.Errorf("filestore: %s %q is not the path of a file", what, path)
	}
	path, err := filepath.Abs(path)
	return path, wrap(err)
}

// Load reads the token. Besides oauth2grant.ErrNoToken and those of the file system, the errors are ErrInsecure, ErrCorrupt, and, of an encrypted token,
// those of package seal.
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

// Save writes the token; that of the zero Token is Delete. The errors are ErrInsecure (of the folder), ErrLockLost, ErrTooLarge, seal.ErrKey and those of
// the file system; then the file is as it was, unless the error came from syncing the folder.
func (s Store) Save(ctx context.Context, t oauth2grant.Token) error {
	if t == (oauth2grant.Token{}) {
		return s.Delete(ctx)
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
	return s.change(ctx, s.stored, func(f folder, version uint64) error {
		data, err := record{Format: format, Version: version, Token: sealed}.encode()
		if err != nil {
			return err
		}
		return f.replace(s.base, data)
	})
}

// Delete removes the file and every temporary file beside it, and syncs the folder. The errors are those of Save.
func (s Store) Delete(ctx context.Context) error {
	err := s.change(ctx, s.stored, func(f folder, version uint64) error {
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

// Path gives the absolute path of the token file, with the symbolic links of its folder resolved.
func (s Store) Path() string { return s.path() }

// String names the store by its path.
func (s Store) String() string { return "filestore(" + s.Path() + ")" }

// Format implements fmt.Formatter, so that no verb shows more than String does.
func (s Store) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue implements slog.LogValuer.
func (s Store) LogValue() slog.Value { return slog.StringValue(s.String()) }
