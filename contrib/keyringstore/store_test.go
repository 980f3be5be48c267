package keyringstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/oauth2grant/go-oauth2grant/contrib/keyringstore"
	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// tokenOf makes a token with so many bytes of access token.
func tokenOf(name string, size int) oauth2grant.Token {
	return oauth2grant.Token{
		AccessToken: "marked-secret-" + name + strings.Repeat(name[:1], size), TokenType: "Bearer",
		RefreshToken: "marked-secret-refresh-" + name,
	}
}

func openOn(tb testing.TB, r keyringstore.Ring) *keyringstore.Store {
	tb.Helper()
	s, err := keyringstore.Open(keyringstore.Config{Service: "keyringstore-test", LockDir: privateDir(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	return s.On(r)
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func holds(tb testing.TB, s *keyringstore.Store, want oauth2grant.Token) {
	tb.Helper()
	if got, err := s.Load(tb.Context()); err != nil || got != want {
		tb.Errorf("Load gave %v, %v, want %v (the same: %t)", got, err, want, got == want)
	}
}

// fails asserts an error that is want and shows no secret.
func fails(tb testing.TB, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Errorf("the error is %v, want %v", err, want)
	} else if strings.Contains(err.Error(), "marked") {
		tb.Errorf("the error shows a secret: %v", err)
	}
}

func TestConfig(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", privateDir(t))
	for name, cfg := range map[string]keyringstore.Config{
		"no service":                       {Account: "a"},
		"a service with a colon":           {Service: "a:b"},
		"a service with a newline":         {Service: "a\nb"},
		"a service that is too long":       {Service: strings.Repeat("x", 129)},
		"an account that looks like parts": {Service: "a", Account: "b #a0"},
		"an account that is too long":      {Service: "a", Account: strings.Repeat("x", 129)},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			if s, err := keyringstore.Open(cfg); err == nil {
				t.Errorf("Open gave %v", s)
			}
		})
	}
	s, err := keyringstore.Open(keyringstore.Config{Service: "mytool", Account: "https://login.example.com"})
	must(t, err)
	if text := fmt.Sprintf("%v %+v %#v", s, s, *s); strings.Contains(text, "0x") {
		t.Errorf("fmt shows %s", text)
	}
}

// A process is killed before each operation of each change in turn.
func TestSave_AKillAtAnyMomentLeavesTheOldTokenOrTheNew(t *testing.T) {
	sizes := []int{0, 10, 5 << 10, 20 << 10} // 0: no token
	for _, before := range sizes {
		for _, after := range sizes {
			t.Run(fmt.Sprintf("from %d to %d bytes", before, after), func(t *testing.T) {
				full, s := newMemory(), openOn(t, nil)
				must(t, s.On(full).Save(t.Context(), tokenOf("z oldest", 9<<10))) // must never come back
				old, next := change(before, "old"), change(after, "next")
				must(t, s.On(full).Save(t.Context(), old))
				for n := 0; ; n++ {
					killed := full.after(n)
					err := s.On(killed).Save(t.Context(), next)
					left := killed.after(-1)
					switch got := load(t, s.On(left)); {
					case err == nil && got != next:
						t.Fatalf("after %d operations Save succeeded, and Load gives %v", n, got)
					case got != old && got != next:
						t.Fatalf("killed after %d operations: Load gives %v", n, got)
					}
					must(t, s.On(left).Save(t.Context(), tokenOf("last", 1)))
					if len(left.items) != 1 {
						t.Fatalf("killed after %d operations, and after another Save there are %d items", n,
							len(left.items))
					}
					must(t, s.On(left).Delete(t.Context()))
					if len(left.items) != 0 {
						t.Fatalf("after Delete there are %d items", len(left.items))
					}
					if killed.left != 0 { // it lived to the end
						break
					}
				}
			})
		}
	}
}

// change is a token to save, none for 0.
func change(size int, name string) oauth2grant.Token {
	if size == 0 {
		return oauth2grant.Token{}
	}
	return tokenOf(name, size)
}

// load returns the zero Token where there is none.
func load(tb testing.TB, s *keyringstore.Store) oauth2grant.Token {
	tb.Helper()
	t, err := s.Load(tb.Context())
	if err != nil && !errors.Is(err, oauth2grant.ErrNoToken) {
		tb.Fatal(err)
	}
	return t
}

func TestLoad_DamagedPartsAreCorruptAndCanBeReplaced(t *testing.T) {
	const part = "keyringstore-test:default #a1"
	for name, damage := range map[string]func(items map[string]string){
		"a part is missing": func(items map[string]string) { delete(items, part) },
		"a part is changed": func(items map[string]string) {
			items[part] = strings.Repeat("A", len(items[part]))
		},
		"a part is of another set": func(items map[string]string) {
			items[part] = items["keyringstore-test:default #a0"]
		},
		"the head is garbage": func(items map[string]string) {
			items["keyringstore-test:default"] = `{"oauth2grant_keyring":2,"token":{}}`
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			s := openOn(t, m)
			must(t, s.Save(t.Context(), tokenOf("old", 9<<10)))
			if m.items[part] == "" {
				t.Fatal("there is no second part")
			}
			damage(m.items)
			_, err := s.Load(t.Context())
			fails(t, err, keyringstore.ErrCorrupt)
			must(t, s.Save(t.Context(), tokenOf("next", 9<<10)))
			holds(t, s, tokenOf("next", 9<<10))
		})
	}
}

func TestErrors_TellApartWhatTheKeyringSays(t *testing.T) {
	m := newMemory()
	s := openOn(t, m)
	_, err := s.Load(t.Context())
	fails(t, err, oauth2grant.ErrNoToken)
	must(t, s.Save(t.Context(), tokenOf("old", 1)))

	fails(t, s.Save(t.Context(), tokenOf("large", 256<<10)), keyringstore.ErrTooLarge)
	holds(t, s, tokenOf("old", 1))

	m.deaf = true // as where a person refuses, and nobody says so
	fails(t, s.Save(t.Context(), tokenOf("next", 1)), keyringstore.ErrUnavailable)
	m.deaf = false
	holds(t, s, tokenOf("old", 1))

	dead := s.On(&memory{})
	_, err = dead.Load(t.Context())
	fails(t, err, keyringstore.ErrUnavailable)
	fails(t, err, errDead)
	_, _, err = dead.Lock(t.Context())
	fails(t, err, keyringstore.ErrUnavailable)
	fails(t, dead.Delete(t.Context()), keyringstore.ErrUnavailable)
	if errors.Is(err, oauth2grant.ErrNoToken) || errors.Is(err, keyring.ErrNotFound) {
		t.Error("an outage looks like an empty store")
	}
}

func TestSave_AHeldOfThePastSavesNothing(t *testing.T) {
	s := openOn(t, newMemory())
	held, unlock, err := s.Lock(t.Context())
	must(t, err)
	must(t, errors.Join(s.Delete(held), s.Save(held, tokenOf("old", 9<<10))))
	must(t, s.Save(t.Context(), tokenOf("newer", 1))) // by somebody without the lock
	fails(t, s.Save(held, tokenOf("late", 1)), oauth2grant.ErrLockLost)
	unlock()
	fails(t, s.Delete(held), oauth2grant.ErrLockLost)
	holds(t, s, tokenOf("newer", 1))
}

func TestStore_ACallerLeavesAQuestionThatNobodyAnswers(t *testing.T) {
	m := newMemory()
	s := openOn(t, m)
	must(t, s.Save(t.Context(), tokenOf("old", 1)))
	asked, answer := m.ask()
	why := errors.New("the caller's own reason")
	first := true
	for name, try := range map[string]func(context.Context) error{
		"Load":   func(ctx context.Context) error { _, err := s.Load(ctx); return err },
		"Save":   func(ctx context.Context) error { return s.Save(ctx, tokenOf("next", 1)) },
		"Delete": s.Delete,
		"Lock":   func(ctx context.Context) error { _, _, err := s.Lock(ctx); return err },
	} {
		ctx, leave := context.WithCancelCause(t.Context())
		done := make(chan error)
		go func() { done <- try(ctx) }()
		if first {
			<-asked
			first = false
		}
		leave(why)
		err := <-done
		fails(t, err, context.Canceled)
		if errors.Is(err, oauth2grant.ErrNoToken) {
			t.Errorf("%s takes a question for an empty store", name)
		}
	}
	if n := len(asked); n != 0 {
		t.Errorf("%d more questions are on the screen", n)
	}
	answer()
	keyringstore.Settle()
	holds(t, s, tokenOf("old", 1)) // who had left before the last item changed nothing
}

func TestSave_ALateAnswerDoesNotOverwriteWhatIsNewer(t *testing.T) {
	m := newMemory()
	s := openOn(t, m)
	held, unlock, err := s.Lock(t.Context())
	must(t, err)
	must(t, s.Save(held, tokenOf("old", 1)))
	asked, answer := m.ask()
	brief, leave := context.WithCancel(held)
	done := make(chan error)
	go func() { done <- s.Save(brief, tokenOf("late", 1)) }()
	<-asked
	leave()
	fails(t, <-done, context.Canceled)
	unlock() // does not block

	elsewhere := func(within time.Duration) error { // as another process takes the lock
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		_, unlock, err := keyringstore.LockFile(s).Lock(ctx, func(context.Context) (uint64, error) { return 0, nil })
		if err == nil {
			unlock()
		}
		return err
	}
	fails(t, elsewhere(200*time.Millisecond), context.DeadlineExceeded)
	answer()
	keyringstore.Settle()
	must(t, elsewhere(progress.Limit))
	must(t, s.Save(t.Context(), tokenOf("newer", 1)))
	holds(t, s, tokenOf("newer", 1))
}
