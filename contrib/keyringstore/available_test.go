package keyringstore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/contrib/keyringstore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func TestAvailable(t *testing.T) {
	must(t, keyringstore.AvailableOn(t.Context(), newMemory()))
	fails(t, keyringstore.AvailableOn(t.Context(), &memory{}), keyringstore.ErrUnavailable)

	asking := newMemory()
	asked, answer := asking.ask()
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- keyringstore.AvailableOn(ctx, asking) }()
	<-asked
	leave()
	fails(t, <-done, context.Canceled)
	answer()
	keyringstore.Settle()
}

func TestLoad_TellsASignOutFromAMissingItem(t *testing.T) {
	m := newMemory()
	s := openOn(t, m)
	must(t, errors.Join(s.Save(t.Context(), tokenOf("old", 1)), s.Delete(t.Context())))
	_, err := s.Load(t.Context())
	fails(t, err, oauth2grant.ErrSignedOut)
	must(t, s.Save(t.Context(), tokenOf("next", 1)))
	clear(m.items)
	_, err = s.Load(t.Context())
	if errors.Is(err, oauth2grant.ErrSignedOut) || !errors.Is(err, oauth2grant.ErrNoToken) {
		t.Errorf("Load returned %v", err)
	}
}
