package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

func filePlace(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "private", "token.json")
}

// file is a good Store between processes.
var file = Harness{
	Name: "file",
	Open: func(place string) (oauth2grant.Store, error) {
		return filestore.Open(filestore.Config{Path: place})
	},
	Place:     filePlace,
	Processes: true,
	Notifies:  true,
	Answers:   true,
}

// forgetful is a Store that processes can't share: its lock is one within a
// process, and its file is written in place.
var forgetful = Harness{
	Name: "forgetful",
	Open: func(place string) (oauth2grant.Store, error) {
		return &plainFile{memory: openMemory(place), path: place}, os.MkdirAll(filepath.Dir(place), 0o700)
	},
	Place:     filePlace,
	Processes: true,
}

type plainFile struct {
	*memory
	path string
}

func (p *plainFile) Load(context.Context) (oauth2grant.Token, error) {
	data, err := os.ReadFile(p.path)
	if errors.Is(err, os.ErrNotExist) {
		return oauth2grant.Token{}, oauth2grant.ErrNoToken
	} else if err != nil {
		return oauth2grant.Token{}, err
	}
	var t oauth2grant.Token
	return t, json.Unmarshal(data, &t)
}

func (p *plainFile) Save(_ context.Context, t oauth2grant.Token) error {
	data, err := json.Marshal(t)
	return errors.Join(err, os.WriteFile(p.path, data, 0o600))
}

// lazy is a Store whose Save is not durable.
var lazy = Harness{
	Name: "lazy",
	Open: func(place string) (oauth2grant.Store, error) {
		s, err := file.Open(place)
		return &lazyFile{Store: s}, err
	},
	Place:     filePlace,
	Processes: true,
}

type lazyFile struct {
	oauth2grant.Store
	saved oauth2grant.Token
}

func (l *lazyFile) Load(ctx context.Context) (oauth2grant.Token, error) {
	if l.saved != (oauth2grant.Token{}) {
		return l.saved, nil
	}
	return l.Store.Load(ctx)
}

func (l *lazyFile) Save(ctx context.Context, t oauth2grant.Token) error {
	if number(t) == 0 {
		return l.Store.Save(ctx, t)
	}
	l.saved = t
	return nil
}

// sticky is a Store whose lock a killed process never releases.
var sticky = Harness{
	Name: "sticky",
	Open: func(place string) (oauth2grant.Store, error) {
		s, err := file.Open(place)
		return stickyFile{s, place + ".held"}, err
	},
	Place:     filePlace,
	Processes: true,
	FreedIn:   100 * time.Millisecond,
}

type stickyFile struct {
	oauth2grant.Store
	path string
}

func (s stickyFile) Lock(ctx context.Context) (context.Context, func(), error) {
	for ctx.Err() == nil {
		f, err := os.OpenFile(s.path, os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			return ctx, func() { _ = os.Remove(s.path) }, f.Close()
		}
	}
	return nil, nil, ctx.Err()
}
