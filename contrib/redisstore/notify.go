package redisstore

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// Notify implements oauth2grant.Notifier. changed is also called after a change by this Store, and for every key after the connection was made: what was
// told before is lost. It must not call stop. After Family.Close nothing is told.
func (s Store) Notify(changed func()) (stop func()) {
	stop = s.family.subs.Add(s.key, changed)
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

func (f *Family) channel() string { return f.cfg.Prefix + ":changed" }

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
	sub := f.client.Subscribe(ctx)
	closed := make(chan struct{})
	onEnd := context.AfterFunc(ctx, func() { defer close(closed); _ = sub.Close() }) // which ends a Receive
	defer func() {
		if !onEnd() {
			<-closed
		}
		_ = sub.Close()
	}()
	limited, cancel := context.WithTimeout(ctx, f.cfg.Timeout)
	defer cancel()
	if sub.Subscribe(limited, f.channel()) != nil {
		return false
	}
	asked := true // an answer is owed, within Timeout
	for {
		msg, err := sub.ReceiveTimeout(ctx, f.cfg.Timeout)
		if err != nil {
			var late net.Error
			if asked || !errors.As(err, &late) || !late.Timeout() || sub.Ping(ctx) != nil {
				return worked
			}
			asked = true
			continue
		}
		worked, asked = true, false
		switch msg := msg.(type) {
		case *redis.Subscription:
			f.subs.TellAll()
		case *redis.Message:
			f.subs.Tell(msg.Payload)
		}
	}
}
