package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClosed is the error of every call on a closed engine.
var ErrClosed = errors.New("oauth2grant: closed")

// ErrSuperseded is the error of a run whose result was not used, since a value
// was set, or the last one dropped, after the run began.
var ErrSuperseded = errors.New("oauth2grant: the token was set or revoked while another was being obtained")

// Engine keeps one value fresh. It is safe for concurrent use.
type Engine[T any] struct {
	cfg     Config[T]
	current atomic.Pointer[Snapshot[T]]
	renew   lane[T]
	signIn  lane[T]

	life    context.Context
	end     context.CancelCauseFunc
	forever bool           // nothing but Close ends the life
	unbind  func() bool    // keeps the end of life from shutting; nil: it does not
	shuts   atomic.Bool    // somebody has begun to shut
	ended   sync.WaitGroup // of one: until all has ended
	wakes   atomic.Int64   // of the refresher since it last rested; zero: it rests
	due     atomic.Int64   // from when on a reader wakes the refresher; Unix nanoseconds
	look    atomic.Bool    // somebody else may have changed the value
	news    atomic.Pointer[news]

	// The refresher's own.
	idle  idleness[T]
	alarm *time.Timer // wakes it; nil: not yet needed

	// mu guards what follows. It is taken after that of a lane.
	mu         sync.Mutex
	wg         sync.WaitGroup // grows only through enter, or from within what it counts
	endedAt    time.Time
	generation uint64   // of the value; one set from outside begins another
	published  uint64   // the generation of the flight that has published last
	reports    []report // not yet run
	dropped    int      // since the last report that was run
	reporting  bool     // a goroutine runs them
}

// New returns an engine that lives until Close is called or ctx ends. It does
// nothing until Start.
func New[T any](ctx context.Context, cfg Config[T]) *Engine[T] {
	e := &Engine[T]{cfg: cfg, generation: 1}
	e.life, e.end = context.WithCancelCause(ctx)
	e.forever = ctx.Done() == nil
	e.ended.Add(1)
	e.wakes.Store(1) // as if it worked: nothing wakes it before Start
	e.renew = lane[T]{e: e, fly: cfg.Renew}
	e.signIn = lane[T]{e: e, fly: cfg.SignIn, asks: cfg.Interactive}
	e.due.Store(never)
	return e
}

// Start lets the background begin. It is called once, when all that the funcs
// of Config need is there.
func (e *Engine[T]) Start() {
	if !e.cfg.Passive {
		if e.cfg.Watcher != nil {
			e.cfg.Watcher.Join(e)
		}
		e.idle = idleness[T]{after: e.cfg.IdleAfter, last: time.Now()}
		e.launch(e.begin)
	}
	if !e.forever { // last: it may shut at once
		e.unbind = context.AfterFunc(e.life, e.shutSoon)
	}
}

// clock returns the time of the wall clock.
func (e *Engine[T]) clock() time.Time {
	if e.cfg.Now != nil {
		return e.cfg.Now()
	}
	return time.Now()
}

func (e *Engine[T]) now() time.Time { return e.clock().Round(0) }

// Fresh returns the value if nobody has to wait for a newer one, else nil. It
// neither locks nor allocates.
func (e *Engine[T]) Fresh() *Snapshot[T] {
	s := e.current.Load()
	if s == nil {
		return nil
	}
	now := e.clock().UnixNano()
	if now >= s.fresh {
		return nil
	}
	if e.cfg.IdleAfter > 0 {
		s.mark()
	}
	if now >= s.quiet {
		if due := e.due.Load(); now >= due && e.due.CompareAndSwap(due, never) {
			e.Wake()
		}
	}
	return s
}

// Current returns the last value published, however old, nil if there is none.
func (e *Engine[T]) Current() *Snapshot[T] { return e.current.Load() }

// Usable returns the value if it is better than an error, else nil.
func (e *Engine[T]) Usable() *Snapshot[T] {
	if s := e.current.Load(); s != nil && e.clock().UnixNano() < s.expiry {
		s.mark()
		return s
	}
	return nil
}

// Get returns a fresh value. It waits for one, on ctx, if there is none.
func (e *Engine[T]) Get(ctx context.Context) (*Snapshot[T], error) {
	for {
		if s := e.Fresh(); s != nil {
			return s, nil
		}
		s, err := e.obtain(ctx)
		if s != nil {
			s.mark()
			return s, nil
		}
		if err != nil {
			if s := e.Usable(); s != nil && e.life.Err() == nil {
				return s, nil
			}
			return nil, err
		}
	}
}

// obtain takes part in a renewal and, if that says so, in a sign-in. It returns
// neither a value nor an error when it is to be called again.
func (e *Engine[T]) obtain(ctx context.Context) (*Snapshot[T], error) {
	if err := e.admit(ctx); err != nil {
		return nil, err
	}
	if s := e.spared(); s != nil {
		return s, nil
	}
	if e.signIn.busy() {
		return e.attend(ctx)
	}
	s, err := e.share(ctx, &e.renew)
	if err == nil || ctx.Err() != nil || !e.cfg.Interactive || e.cfg.Judge(err).Kind != NeedsLogin {
		return s, err
	}
	return e.share(ctx, &e.signIn)
}

// spared returns a value that is better than to wait for a renewal that has
// been failing: the background goes on with that.
func (e *Engine[T]) spared() *Snapshot[T] {
	if e.cfg.Passive || !e.renew.failed.Load() {
		return nil
	}
	e.renew.mu.Lock()
	failing := e.renew.memory.retries()
	e.renew.mu.Unlock()
	if !failing {
		return nil
	}
	return e.Usable()
}

// attend joins the sign-in under way, whose waiters keep it from being given
// up.
func (e *Engine[T]) attend(ctx context.Context) (*Snapshot[T], error) {
	_, s, err := e.signIn.join(ctx, func() (*Flight[T], *Snapshot[T], error) { return nil, nil, nil })
	return s, err
}

// share joins the flight on l, or makes one if nothing speaks against it.
func (e *Engine[T]) share(ctx context.Context, l *lane[T]) (*Snapshot[T], error) {
	overtaken := e.overtaken(ctx, l)
	_, s, err := l.join(ctx, func() (*Flight[T], *Snapshot[T], error) {
		if s := e.Fresh(); s != nil {
			return nil, s, nil
		}
		if m := l.memory; m.stands(time.Now(), e.Usable() != nil) && !m.until.Equal(overtaken) {
			return nil, nil, m.err
		}
		return e.takeOff(ctx, l, Need)
	})
	return s, err
}

// overtaken returns until when a refusal stands whose question would be another
// one now, zero if there is none.
func (e *Engine[T]) overtaken(ctx context.Context, l *lane[T]) time.Time {
	if !l.failed.Load() {
		return time.Time{}
	}
	l.mu.Lock()
	asks, until := l.memory.asksAnew(time.Now())
	l.mu.Unlock()
	if !asks || !e.cfg.Changed(withLink(ctx, e, nil)) {
		return time.Time{}
	}
	return until
}

// Renew obtains a new value now, without asking a person, whatever is
// remembered of failures.
func (e *Engine[T]) Renew(ctx context.Context) (*Snapshot[T], error) {
	return e.force(ctx, &e.renew, Due)
}

// RenewAlone is Renew on a flight of its own.
func (e *Engine[T]) RenewAlone(ctx context.Context) (*Snapshot[T], error) {
	return e.force(ctx, &e.renew, alone)
}

// RunAlone is Run on a flight of its own.
func (e *Engine[T]) RunAlone(ctx context.Context) (*Snapshot[T], error) {
	return e.force(ctx, &e.signIn, alone)
}

// alone is above every Reason: no flight of others will do.
const alone = Force + 1

// Run obtains a new value now in the way that may ask a person, whatever is
// remembered of failures.
func (e *Engine[T]) Run(ctx context.Context) (*Snapshot[T], error) {
	return e.force(ctx, &e.signIn, Force)
}

// force joins a flight on l that was started for at least the reason given, or
// makes one.
func (e *Engine[T]) force(ctx context.Context, l *lane[T], least Reason) (*Snapshot[T], error) {
	for {
		if err := e.admit(ctx); err != nil {
			return nil, err
		}
		if err := e.lockedOut(l); err != nil {
			return nil, err
		}
		before, mine := e.Current(), false
		f, s, err := l.join(ctx, func() (*Flight[T], *Snapshot[T], error) {
			mine = true
			return e.takeOff(ctx, l, Force)
		})
		if least == alone && !mine && ctx.Err() == nil && e.life.Err() == nil {
			continue
		}
		if err == nil && f != nil && f.Why != Force && !f.Obtained && (f.Why < least || s == before) {
			continue
		}
		if s == nil && err == nil {
			if s = e.Fresh(); s == nil || s == before {
				s, err = nil, ErrSuperseded
			}
		}
		if s != nil {
			s.mark()
			return s, nil
		}
		return nil, err
	}
}

// lockedOut returns why a renewal can't help while somebody signs in because it
// could not.
func (e *Engine[T]) lockedOut(l *lane[T]) error {
	if l != &e.renew || !e.signIn.busy() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := l.memory; m != nil && m.verdict.Kind == NeedsLogin {
		return m.err
	}
	return nil
}

// admit turns away who may not wait.
func (e *Engine[T]) admit(ctx context.Context) error {
	if e.life.Err() != nil {
		return e.closedError()
	}
	if inside(ctx, e) {
		return ErrReentrant
	}
	if ctx.Err() != nil {
		_, _, last := e.Health()
		return &LeftError{Cause: cause(ctx), Last: last}
	}
	return nil
}
