package apiauth

import (
	"context"
	"os"
	"path/filepath"
	"sync"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

// Files returns a func for [Config.Store] that keeps each key in a file of its
// own, <os.UserConfigDir>/<name>/<key>.json, which all processes of this user
// share; see package filestore. A name that is an absolute path is that of the
// folder itself.
func Files(name string) func(key string) (oauth2grant.Store, error) {
	return func(key string) (oauth2grant.Store, error) {
		dir := name
		if !filepath.IsAbs(dir) {
			base, err := os.UserConfigDir()
			if err != nil {
				return nil, err
			}
			dir = filepath.Join(base, name)
		}
		return filestore.Open(filestore.Config{Path: filepath.Join(dir, key+".json")})
	}
}

// memory keeps stores for the life of the process.
type memory struct {
	mu     sync.Mutex
	stores map[string]*cell
}

func newMemory() *memory { return &memory{stores: map[string]*cell{}} }

func (m *memory) open(key string) (oauth2grant.Store, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stores[key] == nil {
		m.stores[key] = &cell{}
	}
	return m.stores[key], nil
}

// cell is a store in memory.
type cell struct {
	oauth2grant.SingleProcess
	mu    sync.Mutex
	token oauth2grant.Token
}

func (c *cell) Load(context.Context) (oauth2grant.Token, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == (oauth2grant.Token{}) {
		return oauth2grant.Token{}, oauth2grant.ErrNoToken
	}
	return c.token, nil
}

func (c *cell) Save(_ context.Context, t oauth2grant.Token) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = t
	return nil
}

func (c *cell) Delete(ctx context.Context) error { return c.Save(ctx, oauth2grant.Token{}) }
