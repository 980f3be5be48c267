package storetrial

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// Must ends the test with an error that is not nil.
func Must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// Lock takes the lock of s, and frees it at the end of the test if unlock was
// not called before.
func Lock(tb testing.TB, s oauth2grant.Store) (held context.Context, unlock func()) {
	tb.Helper()
	held, unlock, err := s.Lock(tb.Context())
	Must(tb, err)
	tb.Cleanup(unlock)
	return held, unlock
}

// Holds asserts that s holds the token want.
func Holds(tb testing.TB, s oauth2grant.Store, want oauth2grant.Token) {
	tb.Helper()
	if got, err := s.Load(tb.Context()); err != nil || got != want {
		tb.Errorf("Load returned %v, %v, want %v", got, err, want)
	}
}

// Fails asserts an error that is want and shows nothing that is marked as
// secret.
func Fails(tb testing.TB, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Errorf("the error is %v, want %v", err, want)
	}
	if err != nil && strings.Contains(err.Error(), "marked") {
		tb.Errorf("the error shows a secret: %v", err)
	}
}

// Subscribed waits until the subscription stands, which calls once.
func Subscribed(tb testing.TB, s oauth2grant.Notifier) (changes <-chan struct{}) {
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
