package identity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"time"
)

const (
	// patience is how long File waits for a file that somebody is writing.
	patience = 5 * time.Second
	// impatience is how long File waits for a file that it has never seen.
	impatience = 100 * time.Millisecond
	// look is the time between two looks.
	look = 20 * time.Millisecond
	// settled is the age at which a file is taken as written.
	settled = 200 * time.Millisecond
)

// File returns a Source that reads a file each time, so that it always has what
// the platform has put there last: a projected service account token of
// Kubernetes, or a JWT-SVID of a SPIFFE helper. White space around the
// assertion is cut.
//
// The file may be replaced at any moment, by renaming, by swapping a symbolic
// link, or by writing it anew: what is missing for a moment, empty, or cut
// short is read again for up to 5 s, but a file that was never there is an
// error after 100 ms.
func File(path string) Source {
	f := &file{path: path}
	return f.get
}

type file struct {
	path string
	seen atomic.Bool // it has been there
}

func (f *file) get(ctx context.Context) (string, error) {
	var last []byte
	for began := time.Now(); ; {
		content, modified, err := read(f.path)
		now := time.Now()
		limit := patience
		switch {
		case err == nil:
			f.seen.Store(true)
			written := now.Sub(modified).Abs() > settled || last != nil && bytes.Equal(content, last)
			if isWhole(content, written) {
				return accept("the file "+f.path, content, now)
			}
			last = content
		case !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("identity: %w", err)
		case !f.seen.Load():
			limit = impatience
		}
		if now.Sub(began) >= limit {
			if err != nil {
				return "", fmt.Errorf("identity: %w", err)
			}
			return accept("the file "+f.path, content, now)
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("identity: the file %s: %w", f.path, ctx.Err())
		case <-time.After(look):
		}
	}
}

// read returns what is in a file, but not more than is too much, and when it
// was changed.
func read(path string) ([]byte, time.Time, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	if !info.Mode().IsRegular() {
		return nil, time.Time{}, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path) //nolint:gosec // the path is the user's own
	if err != nil {
		return nil, time.Time{}, err
	}
	defer func() { _ = f.Close() }()
	if info, err = f.Stat(); err != nil {
		return nil, time.Time{}, err
	}
	content, err := io.ReadAll(io.LimitReader(f, longest+1))
	return content, info.ModTime(), err
}

// isWhole reports whether nobody is in the middle of writing content. That
// shows in a JWT, unless its algorithm is not known; written says whether
// anything else is believed.
func isWhole(content []byte, written bool) bool {
	text := string(bytes.TrimSpace(content))
	if len(content) > longest {
		return true // and too long
	}
	if t, ok := parse(text); ok {
		if whole, sure := t.whole(); sure {
			return whole
		}
		return written
	}
	return text != "" && written && !bytes.HasPrefix([]byte(text), []byte("eyJ"))
}
