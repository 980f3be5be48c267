package pgstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func lock(tb testing.TB, s oauth2grant.Store) (held context.Context, unlock func()) {
	tb.Helper()
	held, unlock, err := s.Lock(tb.Context())
	must(tb, err)
	tb.Cleanup(unlock)
	return held, unlock
}

func holds(tb testing.TB, s oauth2grant.Store, want oauth2grant.Token) {
	tb.Helper()
	if got, err := s.Load(tb.Context()); err != nil || got != want {
		tb.Errorf("Load gave %v, %v, want %v", got, err, want)
	}
}

// fails asserts an error that is want and shows no secret.
func fails(tb testing.TB, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Errorf("the error is %v, want %v", err, want)
	}
	if err != nil && strings.Contains(err.Error(), "marked") {
		tb.Errorf("the error shows a secret: %v", err)
	}
}

// subscribed waits until changed was called once: the subscription stands.
func subscribed(tb testing.TB, s oauth2grant.Notifier) (changes <-chan struct{}) {
	tb.Helper()
	told := make(chan struct{}, 100)
	tb.Cleanup(s.Notify(func() {
		select {
		case told <- struct{}{}:
		default:
		}
	}))
	progress.Await(tb, "subscription", told)
	return told
}
