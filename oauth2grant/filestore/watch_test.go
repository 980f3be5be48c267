package filestore_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

// subscribed returns a channel of the news of s.
func subscribed(tb testing.TB, s *filestore.Store) chan struct{} {
	tb.Helper()
	told := make(chan struct{}, 100)
	tb.Cleanup(s.Notify(func() { told <- struct{}{} }))
	return told
}

func await(tb testing.TB, what string, told chan struct{}) {
	tb.Helper()
	select {
	case <-told:
	case <-time.After(time.Minute):
		tb.Fatalf("nobody is told of %s", what)
	}
}

func TestNotify_TellsOfEveryChangeButAMark(t *testing.T) {
	s := stored(t, filestore.Config{Keys: keys, AcceptPlain: true})
	told := subscribed(t, s)
	held, unlock := lock(t, s)
	defer unlock()
	for _, change := range []struct {
		what string
		make func() error
	}{
		{"a save", func() error { return s.Save(held, older) }},
		{"an answer", func() error {
			return errors.Join(s.Save(held, marked(t, older, "m1")), s.SaveAnswer(held, "m1", newer))
		}},
		{"a delete", func() error { return s.Delete(held) }},
		{"a save after it", func() error { return s.Save(held, older) }},
		{
			"a file of somebody else", func() error {
				return os.WriteFile(s.Path(), []byte(`{"access_token":"x"}`), 0o600)
			},
		},
		{"the same again", func() error { return os.WriteFile(s.Path(), []byte(`{"access_token":"y"}`), 0o600) }},
	} {
		if err := change.make(); err != nil {
			t.Fatal(err)
		}
		await(t, change.what, told)
	}
}

func TestNotify_TellsNobodyOfAMark(t *testing.T) {
	for name, cfg := range map[string]filestore.Config{"in clear": {}, "sealed": {Keys: keys}} {
		t.Run(name, func(t *testing.T) {
			s := stored(t, cfg)
			held, _ := lock(t, s)
			news := filestore.Look(s)
			if err := s.Save(held, marked(t, older, "m1")); err != nil {
				t.Fatal(err)
			}
			if news() {
				t.Error("a mark is told of")
			}
			if err := s.SaveAnswer(held, "m1", newer); err != nil {
				t.Fatal(err)
			}
			if !news() || news() {
				t.Error("an answer is not told of once")
			}
		})
	}
}

func TestNotify_RunsOneGoroutinePerFolderWhileSomebodySubscribes(t *testing.T) {
	dir := privateDir(t)
	watchers := func() int {
		stacks := make([]byte, 1<<20)
		return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "filestore.(*watcher).run(")
	}
	var stops []func()
	for _, name := range []string{"a", "b", "a", "c"} {
		stops = append(stops, open(t, filestore.Config{Path: filepath.Join(dir, name)}).Notify(func() {}))
	}
	progress.Retry(t, "one goroutine for the folder", func() error { // it may not have begun
		if n := watchers(); n != 1 {
			return fmt.Errorf("%d goroutines watch one folder", n)
		}
		return nil
	})
	for _, stop := range stops {
		stop()
		stop()
	}
	if n := watchers(); n != 0 {
		t.Errorf("%d goroutines watch for nobody", n)
	}
}
