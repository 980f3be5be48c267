package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Notify implements oauth2grant.Notifier. changed is also called after a change by this Store, and for every key after the connection was made: what was
// told before is lost. It must not call stop. After Family.Close nothing is told.
func (s Store) Notify(changed func()) (stop func()) {
	stop = s.family.subs.Add(s.topic(), changed)
	s.family.listenOnce()
	return stop
}

// listenOnce starts the subscription of the family, which lasts until Close.
func (f *Family) listenOnce() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.listening && !f.closed {
		f.listening = true
		f.all.Go(f.listen)
	}
}

// listen keeps the subscription alive until Close.
func (f *Family) listen() {
	wait := newBackOff(10 * time.Second)
	for {
		if f.session(f.life) {
			wait.Reset()
		}
		if !sleep(f.life, wait.NextBackOff()) {
			return
		}
	}
}

// session is one connection of the subscription, until it breaks; worked tells whether there was one.
func (f *Family) session(ctx context.Context) (worked bool) {
	limited, cancel := context.WithTimeout(ctx, f.cfg.Timeout)
	defer cancel()
	pooled, err := f.pool.Acquire(limited)
	if err != nil {
		return false
	}
	conn := pooled.Hijack()
	defer func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.cfg.Timeout)
		defer cancel()
		_ = conn.Close(limited)
	}()
	if _, err := conn.Exec(limited, listenForChanges); err != nil {
		return false
	}
	f.subs.TellAll()
	for f.next(ctx, conn) == nil {
	}
	return true
}

// next tells one change, or makes sure that the connection still works.
func (f *Family) next(ctx context.Context, conn *pgx.Conn) error {
	limited, cancel := context.WithTimeout(ctx, f.cfg.Timeout)
	defer cancel()
	change, err := conn.WaitForNotification(limited)
	if err == nil {
		f.subs.Tell(change.Payload)
		return nil
	}
	if ctx.Err() != nil || limited.Err() == nil {
		return err
	}
	answered, cancel := context.WithTimeout(ctx, f.cfg.Timeout)
	defer cancel()
	return conn.Ping(answered)
}
