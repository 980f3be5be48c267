package filestore_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

// marked returns t with a mark, as a grant makes it.
func marked(tb testing.TB, t oauth2grant.Token, mark string) oauth2grant.Token {
	tb.Helper()
	data, err := json.Marshal(t)
	if err != nil {
		tb.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(data, &members); err != nil {
		tb.Fatal(err)
	}
	members["oauth2grant"] = map[string]any{"v": 1, "mark": mark}
	if data, err = json.Marshal(members); err != nil {
		tb.Fatal(err)
	}
	var with oauth2grant.Token
	if err := json.Unmarshal(data, &with); err != nil || with.Mark() != mark {
		tb.Fatalf("the mark is %q, %v", with.Mark(), err)
	}
	return with
}

func TestSaveAnswer_GoesByTheMarkAlone(t *testing.T) {
	for name, cfg := range map[string]filestore.Config{"in clear": {}, "sealed": {Keys: keys}} {
		t.Run(name, func(t *testing.T) {
			s := stored(t, cfg)
			fails(t, s, s.Save(t.Context(), marked(t, older, "m1")), oauth2grant.ErrLockLost)
			held, unlock := lock(t, s)
			if err := s.Save(held, marked(t, older, "m1")); err != nil {
				t.Fatal(err)
			}
			holds(t, s, marked(t, older, "m1"))
			fails(t, s, s.SaveAnswer(t.Context(), "m2", newer), oauth2grant.ErrLockLost)
			fails(t, s, s.SaveAnswer(t.Context(), "", newer), oauth2grant.ErrLockLost)
			holds(t, s, marked(t, older, "m1"))
			if err := errors.Join(
				os.Remove(s.Path()+".lock"), // the lock is lost; the mark is there
				s.SaveAnswer(t.Context(), "m1", newer),
				s.SaveAnswer(t.Context(), "m1", newer), // an answer may be saved again
			); err != nil {
				t.Fatal(err)
			}
			fails(t, s, s.SaveAnswer(t.Context(), "m1", older), oauth2grant.ErrLockLost)
			fails(t, s, s.Save(held, older), oauth2grant.ErrLockLost)
			holds(t, s, newer)
			unlock()
		})
	}
}

func TestSaveAnswer_LeavesTheLockGood(t *testing.T) {
	s := stored(t, filestore.Config{})
	held, _ := lock(t, s)
	if err := errors.Join(
		s.Save(held, marked(t, older, "m1")),
		s.SaveAnswer(t.Context(), "m1", newer), // not with held
		s.Save(held, marked(t, newer, "m2")),
		s.SaveAnswer(t.Context(), "m2", oauth2grant.Token{}),
		s.SaveAnswer(t.Context(), "m2", oauth2grant.Token{}),
		s.Save(held, older),
	); err != nil {
		t.Fatal(err)
	}
	holds(t, s, older)
}

func TestSave_WithAMarkFailsIfTheTokenHasChanged(t *testing.T) {
	s := stored(t, filestore.Config{})
	held, _ := lock(t, s)
	if err := s.Save(t.Context(), newer); err != nil {
		t.Fatal(err)
	}
	fails(t, s, s.Save(held, marked(t, older, "m1")), oauth2grant.ErrLockLost)
	holds(t, s, newer)
}

func TestSave_WithoutAMarkVoidsOne(t *testing.T) {
	for name, change := range map[string]func(s *filestore.Store) error{
		"a save":   func(s *filestore.Store) error { return s.Save(t.Context(), newer) },
		"a delete": func(s *filestore.Store) error { return s.Delete(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			s := stored(t, filestore.Config{})
			held, _ := lock(t, s)
			if err := errors.Join(s.Save(held, marked(t, older, "m1")), change(s)); err != nil {
				t.Fatal(err)
			}
			fails(t, s, s.SaveAnswer(held, "m1", older), oauth2grant.ErrLockLost)
		})
	}
}

func TestLoad_TellsASignOutFromAMissingFile(t *testing.T) {
	s := open(t, filestore.Config{})
	signedOut := func(want bool) {
		t.Helper()
		_, err := s.Load(t.Context())
		if !errors.Is(err, oauth2grant.ErrNoToken) || errors.Is(err, oauth2grant.ErrSignedOut) != want {
			t.Errorf("Load gave %v", err)
		}
	}
	signedOut(false)
	if err := errors.Join(s.Save(t.Context(), older), s.Delete(t.Context())); err != nil {
		t.Fatal(err)
	}
	signedOut(true)
	if err := errors.Join(s.Save(t.Context(), older), os.Remove(s.Path())); err != nil {
		t.Fatal(err)
	}
	signedOut(false)
}

func TestLoad_ReadsAByteOrderMark(t *testing.T) {
	s := open(t, filestore.Config{})
	data, err := json.Marshal(older)
	if err != nil {
		t.Fatal(err)
	}
	write(t, s.Path(), append([]byte("\ufeff"), data...))
	holds(t, s, older)
}

func TestLock_DoesNotReadTheFolder(t *testing.T) {
	s := stored(t, filestore.Config{})
	dir := filepath.Dir(s.Path())
	if err := os.Chmod(dir, 0o300); err != nil { // enter and write, not list
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	held, unlock := lock(t, s)
	defer unlock()
	if _, err := s.Load(held); err != nil && os.Geteuid() == 0 {
		t.Error(err)
	}
}
