package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// faults are the rules for what goes wrong, as far as h can bring it about.
func faults(h Harness) []check {
	var list []check
	if h.Corrupt != nil {
		list = append(list, check{"corruption is an error and can be healed", corruption})
	}
	if h.Break != nil {
		list = append(list, check{"a backend that is away gives errors and comes back", outage})
	}
	if h.LoseLease != nil {
		list = append(list, check{"a lost lease ends held and fences save", lostLease})
	}
	return list
}

func corruption(b *bench) error {
	s, other, err := b.two()
	if err != nil {
		return err
	}
	whole := `{"access_token":"` + marker + `"`
	for i, data := range []string{
		"", "no token", whole, `{}`, `null`, `[1]`, `"` + marker + `"`, "\x00\xff\x00", `{"access_token":7}`,
	} {
		fail := func(format string, args ...any) error {
			return fmt.Errorf("corruption number %d (%d bytes): "+format, append([]any{i, len(data)}, args...)...)
		}
		if err := s.Save(b.ctx, token(1)); err != nil {
			return fail("Save before it failed: %w", err)
		}
		if err := b.Corrupt(b.place, []byte(data)); err != nil {
			return fail("Corrupt failed: %w", err)
		}
		if t, err := s.Load(b.ctx); err == nil || errors.Is(err, oauth2grant.ErrNoToken) || t != (oauth2grant.Token{}) {
			return fail("Load gave %v, %s, want an error other than ErrNoToken", t, outcome(err))
		}
		err := underLock(b.ctx, other, func(held context.Context) error { return other.Save(held, token(2)) })
		if b.KeepsCorrupt {
			if err == nil {
				return fail("Save replaced it")
			}
			err = underLock(b.ctx, other, func(held context.Context) error {
				return errors.Join(other.Delete(held), other.Save(held, token(2)))
			})
		}
		if err != nil {
			return fail("healing failed: %w", err)
		}
		if err := expect(b.ctx, s, token(2)); err != nil {
			return fail("after healing: %w", err)
		}
	}
	return nil
}

func outage(b *bench) error {
	s, err := b.open()
	if err != nil {
		return err
	}
	if err := s.Save(b.ctx, token(1)); err != nil {
		return err
	}
	heal, err := b.Break(b.place)
	if err != nil {
		return fmt.Errorf("break the backend: %w", err)
	}
	err = away(b.ctx, s)
	heal()
	if err != nil {
		return err
	}
	// the connections of before may be broken: a few calls may fail until they
	// have been replaced
	for try := 0; ; try++ {
		if _, err = s.Load(b.ctx); err == nil || try == 10 {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("after the outage Load failed: %w", err)
	}
	return underLock(b.ctx, s, func(held context.Context) error {
		return errors.Join(s.Save(held, token(3)), expect(held, s, token(3)))
	})
}

// away fails unless every call returns an error, by the time its context ends.
func away(ctx context.Context, s oauth2grant.Store) error {
	for name, call := range map[string]func(context.Context) error{
		"Load":   func(ctx context.Context) error { _, err := s.Load(ctx); return err },
		"Save":   func(ctx context.Context) error { return s.Save(ctx, token(2)) },
		"Delete": s.Delete,
		"Lock": func(ctx context.Context) error {
			return underLock(ctx, s, func(context.Context) error { return nil })
		},
	} {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		err := within(patience, name, func() error { return call(ctx) })
		cancel()
		if err == nil || errors.Is(err, oauth2grant.ErrNoToken) {
			return fmt.Errorf("%s without the backend gave %s, want an error other than ErrNoToken", name, outcome(err))
		}
	}
	return nil
}

func lostLease(b *bench) error {
	s, other, err := b.two()
	if err != nil {
		return err
	}
	held, unlock, err := s.Lock(b.ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.Save(held, token(1)); err != nil {
		return err
	}
	if err := b.LoseLease(b.place); err != nil {
		return fmt.Errorf("take the lease away: %w", err)
	}
	if err := b.ended(held, patience/2); err != nil {
		return err
	}
	return underLock(b.ctx, other, func(newer context.Context) error {
		if err := other.Save(newer, token(2)); err != nil {
			return err
		}
		if err := fenced(held, s, token(2)); err != nil {
			return err
		}
		unlock() // of the lock that was lost
		return taken(newer, s.Lock)
	})
}

// fenced fails unless Save and Delete with a held that is none any more fail,
// and leave want in the store.
func fenced(held context.Context, s oauth2grant.Store, want oauth2grant.Token) error {
	alive := context.WithoutCancel(held) // as the last Save of a program that ends
	return errors.Join(refused(held, s), refused(alive, s), expect(alive, s, want))
}

func refused(held context.Context, s oauth2grant.Store) error {
	if err := s.Save(held, token(99)); err == nil {
		return errors.New("Save succeeded without the lock that its context names")
	}
	if err := s.Delete(held); err == nil {
		return errors.New("Delete succeeded without the lock that its context names")
	}
	return nil
}
