package e2e

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

// TestTrouble_OfATokenFile spoils the file that a grant works with. Whatever it
// is, who holds a usable token keeps it, and nothing is sent that could lose
// the refresh token.
func TestTrouble_OfATokenFile(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		spoil func(path string) error
		want  error // of who has to look at the file
		heal  func(g *oauth2grant.Grant, path string, was []byte, fresh oauth2grant.Token) error
	}{
		{
			name:  "corrupted, until somebody signs in",
			spoil: func(path string) error { return os.WriteFile(path, []byte(`{"oauth2grant_file":1,"tok`), 0o600) },
			want:  filestore.ErrCorrupt,
			heal:  signInAgain,
		},
		{
			name:  "corrupted, until it is put back",
			spoil: func(path string) error { return os.WriteFile(path, nil, 0o600) },
			want:  filestore.ErrCorrupt,
			heal: func(_ *oauth2grant.Grant, path string, was []byte, _ oauth2grant.Token) error {
				return os.WriteFile(path, was, 0o600)
			},
		},
		{
			name:  "deleted, which is a sign-out, until somebody signs in",
			spoil: os.Remove,
			want:  oauth2grant.ErrLoginRequired,
			heal:  signInAgain,
		},
		{
			name:  "made readable for everybody, until it is not",
			spoil: func(path string) error { return os.Chmod(path, 0o644) },
			want:  filestore.ErrInsecure,
			heal: func(_ *oauth2grant.Grant, path string, _ []byte, _ oauth2grant.Token) error {
				return os.Chmod(path, 0o600)
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onEachAtOnce(t, settings{}, func(t *testing.T, s *authServer) {
				path := filepath.Join(t.TempDir(), "private", "token.json")
				store := fileAt(t, path)
				cfg := s.config(web, offline...)
				cfg.Store, cfg.Token = store, s.signIn(t)
				user, keeper := newGrant(t, oauth2grant.RefreshOnly{}, cfg), newGrant(t, oauth2grant.RefreshOnly{}, cfg)
				held := tokenOf(t, user)
				if tokenOf(t, keeper) != held {
					t.Fatal("the two have different tokens")
				}
				was, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}

				if err := tc.spoil(path); err != nil {
					t.Fatal(err)
				}
				s.wantRequests(t, 0, func() {
					for range 3 {
						if _, err := user.RefreshToken(t.Context()); !errors.Is(err, tc.want) {
							t.Errorf("a renewal gave %v, want %v", err, tc.want)
						}
					}
					stranger := newGrant(t, oauth2grant.RefreshOnly{}, s.storeConfig(store))
					if err := stranger.EnsureActiveToken(t.Context()); !errors.Is(err, tc.want) {
						t.Errorf("a process that has just been started got %v, want %v", err, tc.want)
					}
				})
				if got := tokenOf(t, keeper); got != held {
					t.Error("who held a usable token lost it")
				}

				if err := tc.heal(user, path, was, s.signIn(t)); err != nil {
					t.Fatal(err)
				}
				for _, g := range []*oauth2grant.Grant{user, keeper} {
					renewed, err := g.RefreshToken(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if stored, err := store.Load(t.Context()); err != nil || stored.AccessToken != renewed.AccessToken {
						t.Errorf("the renewed token is in the file: %t, %v",
							stored.AccessToken == renewed.AccessToken, err)
					}
					if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
						t.Errorf("the file is %v, %v", info.Mode(), err)
					}
				}
			})
		})
	}
}

func signInAgain(g *oauth2grant.Grant, _ string, _ []byte, fresh oauth2grant.Token) error {
	return g.SetToken(context.Background(), fresh)
}

func fileAt(t *testing.T, path string) *filestore.Store {
	t.Helper()
	store, err := filestore.Open(filestore.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// storeConfig is that of a process that has nothing but the store.
func (s *authServer) storeConfig(store oauth2grant.Store) oauth2grant.Config {
	cfg := s.config(web, offline...)
	cfg.Store = store
	return cfg
}
