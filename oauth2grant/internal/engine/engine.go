package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClosed comes from every call on a closed engine.
var ErrClosed = errors.New("oauth2grant: closed")

// ErrReentrant says that a call was made from within the flight it would wait for.
var ErrReentrant = errors.New("oauth2grant: the grant was called from within its own flow, store or hook, and would wait for itself")

// ErrSuperseded says that the result of a run was not used, since a value was set, or the last one dropped, after it began.
var ErrSuperseded = errors.New("oauth2grant: the token was set or revoked while another was being obtained")

// Reason says why a flight was started.
type Reason int

// Reasons, the weakest first.
const (
	Look  Reason = iota // somebody else may have changed the value
	Need                // a caller has no fresh value
	Due                 // it is time
	Force               // a caller wants a new one
)

// Config is what an engine works with. Its funcs get a context that names the engine.
type Config[T any] struct {
	// Renew obtains the next value without asking a person, and publishes it through the flight. It gives nil and no error when nothing had to be done. With
	// both a snapshot and an error the callers get the snapshot, and the error is remembered.
	Renew func(*Flight[T]) (*Snapshot[T], error)
	// SignIn obtains one in the way that may ask a person: with Force in any case, with Need unless somebody else has done so meanwhile.
	SignIn func(*Flight[T]) (*Snapshot[T], error)
	// Interactive says that SignIn asks a person: then it is stopped when nobody waits for it any more.
	Interactive bool
	// Judge says what an error of the two means. It is called under a lock.
	Judge func(error) Verdict
	// Changed tells whether a refused question would be another one now.
	Changed func(context.Context) bool
	// Failed is told of every failure, after the callers were released.
	Failed func(ctx context.Context, err error, retryIn time.Duration)

	Now                    func() time.Time // the wall clock
	MinBackOff, MaxBackOff time.Duration
	IdleAfter              time.Duration // zero: a value is renewed though nobody uses it
	Eager                  bool          // renew at once
	Passive                bool          // no background goroutine

	// Ended is called once when the engine's life has ended, by Close or with its ctx. Close waits for it.
	Ended func()
}

// Engine keeps one value fresh. All methods are safe for concurrent use.
type Engine[T any] struct {
	cfg     Config[T]
	current atomic.Pointer[Snapshot[T]]
	renew   *lane[T]
	signIn  *lane[T]

	life context.Context
	end  context.CancelCauseFunc
	wg   sync.WaitGroup // not zero while life lasts
	wake chan struct{}
	due  atomic.Int64 // from when on a reader wakes the refresher; unix nanoseconds
	look atomic.Bool  // somebody else may have changed the value
	news atomic.Pointer[news]

	mu     sync.Mutex // taken after that of a lane
	epoch  uint64
	told   []func() // not yet run
	teller bool     // a goroutine runs them
}

// New makes an engine that lives until Close is called or ctx ends. It does nothing until Start.
func New[T any](ctx context.Context, cfg Config[T]) *Engine[T] {
	e := &Engine[T]{cfg: cfg, wake: make(chan struct{}, 1)}
	e.life, e.end = context.WithCancelCause(ctx)
	e.renew, e.signIn = e.newLane(cfg.Renew), e.newLane(cfg.SignIn)
	e.due.Store(never)
	e.news.Store(newNews())
	return e
}

// Start starts the background goroutine. It is called once, when all that Config's funcs need is there.
func (e *Engine[T]) Start() {
	e.wg.Add(1)
	context.AfterFunc(e.life, e.shut)
	if !e.cfg.Passive {
		e.wg.Go(e.refresh)
	}
}

func (e *Engine[T]) newLane(fly func(*Flight[T]) (*Snapshot[T], error)) *lane[T] {
	return &lane[T]{e: e, fly: fly, memory: memory{min: e.cfg.MinBackOff, max: e.cfg.MaxBackOff}}
}

func (e *Engine[T]) now() time.Time { return e.cfg.Now().Round(0) }

// Fresh gives the value if nobody has to wait for a newer one, else nil. It neither locks nor allocates.
func (e *Engine[T]) Fresh() *Snapshot[T] {
	s := e.current.Load()
	if s == nil {
		return nil
	}
	now := e.cfg.Now().UnixNano()
	if now < s.quiet {
		s.mark()
		return s
	}
	if now < s.fresh {
		s.mark()
		if due := e.due.Load(); now >= due && e.due.CompareAndSwap(due, never) {
			e.nudge()
		}
		return s
	}
	return nil
}

// Current gives the last value published, however old; nil: none.
func (e *Engine[T]) Current() *Snapshot[T] { return e.current.Load() }

// usable gives the value if it is better than an error.
func (e *Engine[T]) usable() *Snapshot[T] {
	if s := e.current.Load(); s != nil && e.now().UnixNano() < s.expiry {
		s.mark()
		return s
	}
	return nil
}

// Get gives a fresh value. It waits for one, on ctx, if there is none.
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
			if s := e.usable(); s != nil && e.life.Err() == nil {
				return s, nil
			}
			return nil, err
		}
	}
}

// obtain takes part in a renewal and, if that says so, in a sign-in. It gives neither a value nor an error when it is to be called again.
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
	s, err := e.share(ctx, e.renew)
	if err == nil || ctx.Err() != nil || !e.cfg.Interactive || !e.cfg.Judge(err).NeedsLogin {
		return s, err
	}
	return e.share(ctx, e.signIn)
}

// spared gives a value that is better than to wait for a renewal that has been failing: the background goes on with that.
func (e *Engine[T]) spared() *Snapshot[T] {
	e.renew.mu.Lock()
	failing := e.renew.memory.retries()
	e.renew.mu.Unlock()
	if e.cfg.Passive || !failing {
		return nil
	}
	return e.usable()
}

// attend joins the sign-in under way, whose waiters keep it from being given up.
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
		if l.memory.stands(e.now()) && !l.memory.until.Equal(overtaken) {
			return nil, nil, l.memory.err
		}
		return e.takeOff(ctx, l, Need)
	})
	return s, err
}

// overtaken finds a refusal whose question would be another one now, by the time until which it stands; zero: there is none.
func (e *Engine[T]) overtaken(ctx context.Context, l *lane[T]) time.Time {
	l.mu.Lock()
	refused, until := l.memory.refused() && !e.now().Before(l.memory.overtake), l.memory.until
	l.mu.Unlock()
	if !refused || !e.cfg.Changed(withLink(ctx, e, nil)) {
		return time.Time{}
	}
	return until
}

// Renew obtains a new value now, without asking a person, whatever is remembered of failures.
func (e *Engine[T]) Renew(ctx context.Context) (*Snapshot[T], error) {
	return e.force(ctx, e.renew, Due)
}

// Run obtains a new value now in the way that may ask a person, whatever is remembered of failures.
func (e *Engine[T]) Run(ctx context.Context) (*Snapshot[T], error) {
	return e.force(ctx, e.signIn, Force)
}

// force joins a flight on l that was started for at least the reason given, or makes one.
func (e *Engine[T]) force(ctx context.Context, l *lane[T], least Reason) (*Snapshot[T], error) {
	for {
		if err := e.admit(ctx); err != nil {
			return nil, err
		}
		if err := e.lockedOut(l); err != nil {
			return nil, err
		}
		before := e.Current()
		f, s, err := l.join(ctx, func() (*Flight[T], *Snapshot[T], error) { return e.takeOff(ctx, l, Force) })
		if err == nil && f != nil && f.Why != Force && !f.Obtained && (f.Why < least || s == before) {
			continue
		}
		if s == nil && err == nil {
			if s = e.Fresh(); s == nil {
				err = ErrSuperseded
			}
		}
		if s != nil {
			s.mark()
			return s, nil
		}
		return nil, err
	}
}

// lockedOut gives why a renewal can't help while somebody signs in because it could not.
func (e *Engine[T]) lockedOut(l *lane[T]) error {
	if l != e.renew || !e.signIn.busy() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := &l.memory; m.err != nil && m.verdict.NeedsLogin {
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

// Health tells how renewing goes: the failures in a row, the last of them, and when the background tries next; zero: not by itself.
func (e *Engine[T]) Health() (failures int, next time.Time, last error) {
	m := &e.renew.memory
	e.renew.mu.Lock()
	defer e.renew.mu.Unlock()
	switch s := e.current.Load(); {
	case e.cfg.Passive || m.err != nil && !m.retries():
	case m.err != nil:
		next = m.until
	case s != nil:
		next = s.RenewAt
	}
	e.signIn.mu.Lock()
	defer e.signIn.mu.Unlock()
	return m.count + e.signIn.memory.count, next, joined(m.err, e.signIn.memory.err)
}

func joined(a, b error) error {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	return fmt.Errorf("%w: %w", a, b)
}
