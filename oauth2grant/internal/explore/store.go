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

	version int // of the record
	changer *process
	changed int // the tick of the last change
	writer  int // the fence of its last change; zero: it was made without the lock

	holder  *process // nil: nobody
	fence   int      // of the holder
	looked  int      // the version when the holder took the lock
	fences  int
	freedAt time.Time // when the lock of a holder that is gone runs out; zero: never
	lose    context.CancelCauseFunc

	answered string    // the mark that the record answers
	marker   *process  // who marked the record
	dies     time.Time // when its mark is dead; zero: not as long as it holds the lock

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

// put changes the record, with the fence of a lock or without.
func (d *database) put(p *process, t oauth2grant.Token, fence int) {
	d.version++
	d.changer, d.changed = p, p.w.tick()
	d.writer = fence
	if d.record != (oauth2grant.Token{}) && !sameTokens(d.record, t) {
		d.history = append(d.history, d.record)
	}
	d.record, d.deleted = t, t == (oauth2grant.Token{})
	d.marker, d.dies, d.answered = p, time.Time{}, ""
	if d.holder != p {
		d.dies = time.Now().Add(lifeOfMark)
	}
}

func sameTokens(a, b oauth2grant.Token) bool {
	return a.AccessToken == b.AccessToken && a.RefreshToken == b.RefreshToken
}

// skewed returns t as one whose clock is so far ahead of the other's sees it.
func skewed(t oauth2grant.Token, ahead time.Duration) oauth2grant.Token {
	if !t.Expiry.IsZero() {
		t.Expiry = t.Expiry.Add(ahead)
	}
	return t
}

// view is the store as one process sees it.
type view struct{ p *process }

type fence struct{}

func (v view) stop(ctx context.Context, o op, effect func(mode) error) error {
	w := v.p.w
	failed := func() {
		v.p.failed = w.tick()
		if o == opLoad {
			v.p.unread = v.p.failed
		}
	}
	return w.stop(ctx, &gate{p: v.p, op: o, left: failed, effect: func(m mode) error {
		if m == fails || w.db.away() {
			failed()
			return errFault
		}
		err := effect(m)
		if err == nil && m == loses {
			v.p.failed = w.tick()
			err = errFault
		}
		return err
	}})
}

func (v view) Load(ctx context.Context) (t oauth2grant.Token, err error) {
	late := false
	err = v.stop(ctx, opLoad, func(m mode) error {
		late = m == lags
		t = v.p.w.db.record
		switch {
		case t != (oauth2grant.Token{}):
			if !late {
				v.p.w.meets(v.p, t)
			}
			v.p.looked = v.p.w.tick()
			t = skewed(t, v.p.skew)
			return nil
		case v.p.w.db.deleted:
			v.p.looked = v.p.w.tick()
			return oauth2grant.ErrSignedOut
		default:
			v.p.looked = v.p.w.tick()
			return oauth2grant.ErrNoToken
		}
	})
	if late {
		arrives := func(mode) error { v.p.w.meets(v.p, t); return nil }
		if failed := v.stop(ctx, opLoaded, arrives); failed != nil {
			return oauth2grant.Token{}, failed
		}
	}
	return t, err
}

func (v view) Save(ctx context.Context, t oauth2grant.Token) error {
	return v.write(ctx, opSave, t)
}

func (v view) Delete(ctx context.Context) error {
	return v.write(ctx, opDelete, oauth2grant.Token{})
}

func (v view) write(ctx context.Context, o op, t oauth2grant.Token) error {
	t = skewed(t, -v.p.skew)
	return v.stop(ctx, o, func(m mode) error {
		d := &v.p.w.db
		f, locked := ctx.Value(fence{}).(int)
		if locked && (f != d.fence || d.version != d.looked && d.writer != f) {
			v.p.failed = v.p.w.tick()
			return oauth2grant.ErrLockLost
		}
		v.p.w.saw(v.p, t)
		if i := v.p.w.server.find(t.RefreshToken); i != nil && m == loses {
			i.family.untold = true
		}
		d.put(v.p, t, f)
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
			held, cancel = context.WithCancelCause(ctx) //nolint:fatcontext // the effect is had once
			d.fences++
			mine = d.fences
			held = context.WithValue(held, fence{}, mine)
			d.holder, d.fence, d.lose, d.freedAt, d.looked = v.p, mine, cancel, time.Time{}, d.version
			if time.Now().Before(v.p.markDies) { // it is heard of again in time
				v.p.died = 0
			}
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
			d.lapse(time.Now()) // what was marked is over
		}
	}
	fail := func() {
		if d.fence == mine {
			d.lose(oauth2grant.ErrLockLost)
			d.abandon(true)
		}
	}
	_ = v.p.w.stop(ctx, &gate{p: v.p, op: opUnlock, effect: func(m mode) error {
		if m == fails || v.p.w.db.away() && v.p.w.scenario.Store != File {
			fail()
		} else {
			unlock()
		}
		return nil
	}, left: fail})
}

// leased is a view of a store whose lock can be lost while the holder lives.
type leased struct{ view }

func (v leased) SaveAnswer(ctx context.Context, mark string, t oauth2grant.Token) error {
	t = skewed(t, -v.p.skew)
	return v.stop(ctx, opSaveAnswer, func(mode) error {
		d := &v.p.w.db
		if mark == "" || d.record.Mark() != mark && d.answered != mark {
			v.p.failed = v.p.w.tick()
			return oauth2grant.ErrLockLost
		}
		v.p.w.saw(v.p, t)
		d.put(v.p, t, 0)
		d.answered = mark
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
