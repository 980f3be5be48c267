package oauth2grant_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest/storetest"
)

// fileStore keeps a token in a file of one process. Package filestore does that
// better.
type fileStore struct {
	oauth2grant.SingleProcess
	path string
	mu   sync.Mutex // held while the file is read or written
}

func (s *fileStore) Load(ctx context.Context) (oauth2grant.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return oauth2grant.Token{}, oauth2grant.ErrNoToken
	}
	var token oauth2grant.Token
	if err = errors.Join(ctx.Err(), err, json.Unmarshal(text, &token)); err != nil {
		return oauth2grant.Token{}, err
	}
	if token == (oauth2grant.Token{}) {
		return oauth2grant.Token{}, errors.New("the file holds no token")
	}
	return token, nil
}

func (s *fileStore) Save(ctx context.Context, token oauth2grant.Token) error {
	if token == (oauth2grant.Token{}) {
		return s.Delete(ctx)
	}
	text, err := json.Marshal(token)
	if err = errors.Join(ctx.Err(), err); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return os.WriteFile(s.path, text, 0o600)
}

func (s *fileStore) Delete(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.Remove(s.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// TestExampleStore_KeepsTheContract holds fileStore to what it is an example
// of.
func TestExampleStore_KeepsTheContract(t *testing.T) {
	var opened sync.Map // a store of one process is shared by those who use its place
	storetest.Run(t, storetest.Harness{
		Name: "example",
		Open: func(place string) (oauth2grant.Store, error) {
			s, _ := opened.LoadOrStore(place, &fileStore{path: place})
			return s.(*fileStore), nil
		},
		Place:   func(tb testing.TB) string { tb.Helper(); return filepath.Join(tb.TempDir(), "token.json") },
		Corrupt: func(place string, data []byte) error { return os.WriteFile(place, data, 0o600) },
	})
}
