package storetest

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// notifying are the rules of oauth2grant.Notifier.
func notifying(h Harness) []check {
	if !h.Notifies {
		return []check{{"the store is no notifier", func(b *bench) error {
			if _, err := b.notifier(); err == nil {
				return errors.New("the Store is an oauth2grant.Notifier: set Harness.Notifies")
			}
			return nil
		}}}
	}
	return []check{
		{"a change by another store is told", told},
		{"stop waits for a call under way and is final", stopIsFinal},
	}
}

// notifier returns a further Store as the Notifier that it is.
func (b *bench) notifier() (oauth2grant.Notifier, error) {
	s, err := b.open()
	if err != nil {
		return nil, err
	}
	n, ok := s.(watched).Store.(oauth2grant.Notifier)
	if !ok {
		return nil, errors.New("the Store is no oauth2grant.Notifier")
	}
	return n, nil
}

func told(b *bench) error {
	n, err := b.notifier()
	if err != nil {
		return err
	}
	other, err := b.open()
	if err != nil {
		return err
	}
	changes := make(chan struct{}, 1)
	stop := n.Notify(func() {
		select {
		case changes <- struct{}{}:
		default:
		}
	})
	defer stop()
	for i, change := range []func() error{
		func() error { return other.Save(b.ctx, token(1)) },
		func() error { return other.Save(b.ctx, token(2)) },
		func() error { return other.Delete(b.ctx) },
	} {
		if err := change(); err != nil {
			return err
		}
		select {
		case <-changes:
		case <-time.After(patience):
			return fmt.Errorf("change number %d was not told within %v", i, patience)
		}
	}
	return nil
}

func stopIsFinal(b *bench) error {
	n, err := b.notifier()
	if err != nil {
		return err
	}
	other, err := b.open()
	if err != nil {
		return err
	}
	entered, release, witness := make(chan struct{}, 1), make(chan struct{}), make(chan struct{}, 1)
	stop := n.Notify(func() {
		select {
		case entered <- struct{}{}:
		default:
		}
		<-release
	})
	second := n.Notify(func() { // a subscription of its own, which tells that a change has been passed on
		select {
		case witness <- struct{}{}:
		default:
		}
	})
	defer second()
	if err := other.Save(b.ctx, token(1)); err != nil {
		close(release)
		return err
	}
	select {
	case <-entered:
	case <-time.After(patience):
		close(release)
		return errors.New("the change was not told")
	}
	stopped := make(chan struct{})
	var g errgroup.Group
	g.Go(func() error { stop(); close(stopped); return nil })
	select {
	case <-stopped:
		close(release)
		return errors.New("stop did not wait for a call under way")
	case <-time.After(100 * time.Millisecond): // a stop that waits is still waiting
	}
	close(release)
	if err := within(patience, "stop", g.Wait); err != nil {
		return err
	}
	for len(entered)+len(witness) > 0 { // those of before stop
		select {
		case <-entered:
		case <-witness:
		}
	}
	if err := other.Save(b.ctx, token(2)); err != nil {
		return err
	}
	select {
	case <-witness:
	case <-time.After(patience):
		return errors.New("the second subscription ended with the first")
	}
	if len(entered) > 0 {
		return errors.New("changed was called after stop")
	}
	return nil
}
