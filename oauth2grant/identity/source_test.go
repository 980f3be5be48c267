package identity_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/identity"
)

func TestEnv(t *testing.T) {
	const name = "IDENTITY_TEST_VALUE"
	s := identity.Env(name)
	wantError(t, s, name, "not set")
	for what, content := range good {
		t.Run(what, func(t *testing.T) {
			want := content()
			t.Setenv(name, want+"\n")
			if got := get(t, s); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	for what, c := range bad {
		if strings.ContainsRune(c.content(), 0) {
			continue // no value of a variable
		}
		t.Run(what, func(t *testing.T) {
			t.Setenv(name, c.content())
			wantError(t, s, c.want, name)
		})
	}
}

func TestCache_AsksAgainBeforeTheEnd(t *testing.T) {
	for name, c := range map[string]struct {
		life time.Duration // of the assertion; zero: it does not say
		kept time.Duration
	}{
		"an hour":          {time.Hour, 5 * time.Minute},
		"six minutes":      {6 * time.Minute, 5 * time.Minute},
		"five minutes":     {5 * time.Minute, 4 * time.Minute},
		"ten seconds":      {10 * time.Second, 8 * time.Second},
		"nobody knows":     {0, 0},
		"it is just ended": {time.Nanosecond, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				s := identity.Cache(func(context.Context) (string, error) {
					asked++
					if c.life == 0 {
						return jwt(nil), nil
					}
					return lasting(c.life), nil
				})
				first := get(t, s)
				if c.kept > 0 {
					time.Sleep(c.kept - time.Second)
					if get(t, s) != first || asked != 1 {
						t.Errorf("asked %d times", asked)
					}
					time.Sleep(time.Second)
				}
				if get(t, s) == first || asked != 2 {
					t.Errorf("asked %d times, the last time too late", asked)
				}
			})
		})
	}
}

func TestCache_AsksOnceForManyCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s := identity.Cache(func(ctx context.Context) (string, error) {
			asked++
			select {
			case <-time.After(time.Second):
				return lasting(time.Hour), nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := s(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the first caller got %v", err)
			}
		})
		synctest.Wait()
		for range 100 {
			wg.Go(func() { get(t, s) })
		}
		wg.Go(func() {
			if _, err := s(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a caller that left got %v", err)
			}
		})
		wg.Wait()
		if asked != 2 {
			t.Errorf("asked %d times", asked)
		}
	})
}

func TestCache_KeepsNoError(t *testing.T) {
	down := errors.New("down")
	results := []error{down, down, nil}
	s := identity.Cache(func(context.Context) (string, error) {
		err := results[0]
		results = results[1:]
		return lasting(time.Hour), err
	})
	for _, want := range []error{down, down, nil, nil} {
		if _, err := s(t.Context()); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

func TestEndpoint_ShowsNoSecret(t *testing.T) {
	e := identity.Endpoint{
		URL: "https://u:MARK@h.example/?MARK", Header: map[string][]string{"X": {"MARK"}},
		Member: "m",
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if text := fmt.Sprintf(verb+verb, e, &e); strings.Contains(text, "MARK") {
			t.Errorf("%s shows %s", verb, text)
		}
	}
}
