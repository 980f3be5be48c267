package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// processes are the rules between processes.
func processes() []check {
	return []check{
		{"the lock excludes other processes", excludesProcesses},
		{"processes that count under the lock lose nothing", countTogether},
		{"the lock of a killed process is freed", killedHolder},
		{"a process killed in its saves leaves the last token or the next", killedSaver},
	}
}

func excludesProcesses(b *bench) error {
	s, err := b.open()
	if err != nil {
		return err
	}
	c, err := b.start("hold")
	if err != nil {
		return err
	}
	if err := errors.Join(c.says("held"), taken(b.ctx, s.Lock)); err != nil {
		c.kill()
		return err
	}
	if err := c.finish(); err != nil {
		return err
	}
	var waiting *child
	err = underLock(b.ctx, s, func(context.Context) error {
		waiting, err = b.start("hold")
		return err
	})
	if err != nil {
		return err
	}
	return errors.Join(waiting.says("held"), waiting.finish())
}

func countTogether(b *bench) error {
	if err := b.startCount(); err != nil {
		return err
	}
	s, err := b.open()
	if err != nil {
		return err
	}
	const others, rounds = 3, 10
	var children []*child
	for range others {
		c, err := b.start(fmt.Sprintf("count %d", rounds))
		if err != nil {
			return err
		}
		children = append(children, c)
	}
	var errs []error
	for range rounds {
		errs = append(errs, underLock(b.ctx, s, func(held context.Context) error { return countOn(held, s) }))
	}
	for _, c := range children {
		errs = append(errs, c.says("counted"), c.finish())
	}
	return errors.Join(append(errs, expect(b.ctx, s, token((others+1)*rounds)))...)
}

func killedHolder(b *bench) error {
	if err := b.startCount(); err != nil {
		return err
	}
	s, err := b.open()
	if err != nil {
		return err
	}
	c, err := b.start("hold")
	if err != nil {
		return err
	}
	err = c.says("held")
	c.kill()
	if err != nil {
		return err
	}
	most := b.FreedIn
	if most == 0 {
		most = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(b.ctx, most)
	defer cancel()
	_, unlock, err := s.Lock(ctx)
	if err != nil {
		return fmt.Errorf("%v after its holder was killed the lock is not free: %w", most, err)
	}
	unlock()
	return nil
}

func killedSaver(b *bench) error {
	if err := b.startCount(); err != nil {
		return err
	}
	s, err := b.open()
	if err != nil {
		return err
	}
	last := 0
	for round := range 10 {
		role := "save 100000"
		if round%5 == 4 {
			role = "locked-save 100000"
		}
		c, err := b.start(role)
		if err != nil {
			return err
		}
		for range 1 + 3*round%7 {
			if err := c.says("saved"); err != nil {
				c.kill()
				return err
			}
			last++
		}
		last += c.kill()
		t, err := s.Load(b.ctx)
		if err != nil {
			return fmt.Errorf("after a kill Load failed: %w", err)
		}
		n := number(t)
		if n != last && n != last+1 {
			return fmt.Errorf("after a kill Load gave token %d; %d was saved, and perhaps %d", n, last, last+1)
		}
		last = n
	}
	return underLock(b.ctx, s, func(held context.Context) error {
		return errors.Join(s.Save(held, token(last+1)), expect(held, s, token(last+1)))
	})
}
