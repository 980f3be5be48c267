package explore

import (
	"context"
	"sync"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// lifeOfMark is how long a lock, and the mark with it, outlives a holder that
// is not heard of any more.
const lifeOfMark = 10 * time.Second

// outage is how long the store is away, once it is.
const outage = 2 * time.Second

// unlockTimeout is how long unlock waits for the store.
const unlockTimeout = time.Second

// database is what the processes share: one record and one lock.
type database struct {
	record  oauth2grant.Token // zero: none
	history []oauth2grant.Token
	deleted bool

	holder  *process // nil: nobody
	fence   int      // of the holder
	fences  int
	freedAt time.Time // when the lock of a holder that is gone runs out; zero: never
	lose    context.CancelCauseFunc

	marker *process  // who marked the record
	dies   time.Time // when its mark is dead; zero: not as long as it holds the lock

	awayUntil time.Time
}

func (d *database) away() bool { return time.Now().Before(d.awayUntil) }

// free reports whether p can have the lock now.
func (d *database) free(p *process) bool {
	now := time.Now()
	if d.holder != nil && (d.freedAt.IsZero() || now.Before(d.freedAt)) {
		return false
	}
	marked := d.record.Mark() != "" && d.marker != p
	return !marked || !d.dies.IsZero() && !now.Before(d.dies)
}

// lapse takes the lock from its holder.
func (d *database) lapse(markDies time.Time) {
	if d.lose != nil {
		d.lose(oauth2grant.ErrLockLost)
	}
	d.holder, d.fence, d.lose, d.freedAt = nil, 0, nil, time.Time{}
	d.dies = markDies
}

// abandon is what becomes of the lock when its holder is killed.
func (d *database) abandon(outlives bool) {
	until := time.Now()
	if outlives {
		until = until.Add(lifeOfMark)
	}
	d.freedAt, d.dies = until, until
}

func (d *database) put(p *process, t oauth2grant.Token) {
	if d.record != (oauth2grant.Token{}) && !sameTokens(d.record, t) {
		d.history = append(d.history, d.record)
	}
	d.record, d.deleted = t, t == (oauth2grant.Token{})
	d.marker, d.dies = p, time.Time{}
	if d.holder != p {
		d.dies = time.Now().Add(lifeOfMark)
	}
}

func sameTokens(a, b oauth2grant.Token) bool {
	return a.AccessToken == b.AccessToken && a.RefreshToken == b.RefreshToken
}

// view is the store as one process sees it.
type view struct{ p *process }

type fence struct{}

func (v view) stop(ctx context.Context, o op, effect func(mode) error) error {
	w := v.p.w
	return w.stop(ctx, &gate{p: v.p, op: o, effect: func(m mode) error {
		if m == fails || w.db.away() {
			v.p.failed = w.tick()
			return errFault
		}
		err := effect(m)
		if err == nil && m == loses {
			v.p.failed = w.tick()
			err = errFault
		}
		return err
	}, left: func() { v.p.failed = w.tick() }})
}

func (v view) Load(ctx context.Context) (t oauth2grant.Token, err error) {
	err = v.stop(ctx, opLoad, func(mode) error {
		t = v.p.w.db.record
		switch {
		case t != (oauth2grant.Token{}):
			return nil
		case v.p.w.db.deleted:
			return oauth2grant.ErrSignedOut
		default:
			return oauth2grant.ErrNoToken
		}
	})
	return t, err
}

func (v view) Save(ctx context.Context, t oauth2grant.Token) error {
	return v.write(ctx, opSave, t)
}

func (v view) Delete(ctx context.Context) error {
	return v.write(ctx, opDelete, oauth2grant.Token{})
}

func (v view) write(ctx context.Context, o op, t oauth2grant.Token) error {
	return v.stop(ctx, o, func(mode) error {
		d := &v.p.w.db
		if f, locked := ctx.Value(fence{}).(int); locked && f != d.fence {
			v.p.failed = v.p.w.tick()
			return oauth2grant.ErrLockLost
		}
		v.p.w.saw(v.p, t)
		d.put(v.p, t)
		if t.Mark() == "" {
			v.p.w.notify(v.p)
		}
		return nil
	})
}

func (v view) Lock(ctx context.Context) (held context.Context, unlock func(), err error) {
	w, d := v.p.w, &v.p.w.db
	mine := 0
	err = w.stop(ctx, &gate{
		p: v.p, op: opLock,
		ready: func() bool { return d.away() || d.free(v.p) },
		effect: func(m mode) error {
			if m == fails || d.away() {
				v.p.failed = w.tick()
				return errFault
			}
			var cancel context.CancelCauseFunc
			held, cancel = context.WithCancelCause(ctx)
			d.fences++
			mine = d.fences
			held = context.WithValue(held, fence{}, mine)
			d.holder, d.fence, d.lose, d.freedAt = v.p, mine, cancel, time.Time{}
			v.p.markDies = time.Time{}
			if d.marker == v.p {
				d.dies = time.Time{}
			}
			return nil
		},
		left: func() { v.p.failed = w.tick() },
	})
	if err != nil {
		return nil, nil, err
	}
	return held, sync.OnceFunc(func() { v.unlock(mine) }), nil
}

// unlock takes its time, but not for ever.
func (v view) unlock(mine int) {
	d := &v.p.w.db
	ctx, cancel := context.WithTimeout(context.Background(), unlockTimeout)
	defer cancel()
	unlock := func() {
		if d.fence == mine {
			d.lapse(time.Now().Add(lifeOfMark))
		}
	}
	_ = v.p.w.stop(ctx, &gate{p: v.p, op: opUnlock, effect: func(mode) error { unlock(); return nil }, left: unlock})
}

// leased is a view of a store whose lock can be lost while the holder lives.
type leased struct{ view }

func (v leased) SaveAnswer(ctx context.Context, mark string, t oauth2grant.Token) error {
	return v.stop(ctx, opSaveAnswer, func(mode) error {
		d := &v.p.w.db
		if mark == "" || d.record.Mark() != mark {
			return oauth2grant.ErrLockLost
		}
		v.p.w.saw(v.p, t)
		d.put(v.p, t)
		v.p.w.notify(v.p)
		return nil
	})
}

// notifying is a leased view that tells of changes.
type notifying struct{ leased }

func (v notifying) Notify(changed func()) (stop func()) {
	v.p.w.mu.Lock()
	defer v.p.w.mu.Unlock()
	v.p.changed = changed
	return func() {
		v.p.w.mu.Lock()
		defer v.p.w.mu.Unlock()
		v.p.changed = nil
	}
}
