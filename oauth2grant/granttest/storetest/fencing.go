package storetest

import (
	"context"
	"errors"
)

// fencing are the rules for a held of the past. A Store within one process
// needs none: its lease is never lost.
func fencing(Harness) []check {
	return []check{
		{"a save after unlock with the old held fails", func(b *bench) error {
			s, other, err := b.two()
			if err != nil {
				return err
			}
			held, unlock, err := s.Lock(b.ctx)
			if err != nil {
				return err
			}
			if err := s.Save(held, token(1)); err != nil {
				unlock()
				return err
			}
			unlock()
			if err := fenced(held, s, token(1)); err != nil {
				return err
			}
			err = underLock(b.ctx, other, func(newer context.Context) error {
				return errors.Join(other.Save(newer, token(2)), fenced(held, s, token(2)))
			})
			return errors.Join(err, fenced(held, s, token(2)), s.Save(b.ctx, token(3)), expect(b.ctx, other, token(3)))
		}},
		{"an old held does not bring a deleted token back", func(b *bench) error {
			s, other, err := b.two()
			if err != nil {
				return err
			}
			held, unlock, err := s.Lock(b.ctx)
			if err != nil {
				return err
			}
			unlock()
			err = underLock(b.ctx, other, func(newer context.Context) error {
				return errors.Join(other.Save(newer, token(1)), other.Delete(newer))
			})
			if err != nil {
				return err
			}
			if s.Save(context.WithoutCancel(held), token(2)) == nil {
				return errors.New("Save succeeded without the lock that its context names")
			}
			return expectNone(b.ctx, other)
		}},
	}
}
