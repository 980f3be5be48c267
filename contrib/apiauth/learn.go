package apiauth

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// learn finds out how to sign in, after a 401 without a token. The error is
// errNoMetadata where the API does not say.
func (a *Auth) learn(ctx context.Context, d demand) (*known, error) {
	return a.change(ctx, nil, func(ctx context.Context) (record, error) {
		r, err := a.resource(ctx, d)
		if errors.Is(err, errNoMetadata) {
			return a.learnWithoutMetadata(ctx, d)
		}
		if err != nil {
			return record{}, err
		}
		return a.recordOf(ctx, d, r, "")
	})
}

// learnWithoutMetadata takes the origin of the API for its authorization
// server, as MCP did before RFC 9728.
func (a *Auth) learnWithoutMetadata(ctx context.Context, d demand) (record, error) {
	s, err := a.discover(ctx, a.ownIssuer())
	if err != nil {
		if oauth2grant.IsTransient(err) {
			return record{}, err
		}
		if !a.cfg.GuessEndpoints {
			return record{}, errNoMetadata
		}
		s = a.guess()
	}
	return a.recordWith(ctx, d, resource{}, s)
}

// recordOf makes a record of the metadata of the API. present is the server in
// use.
func (a *Auth) recordOf(ctx context.Context, d demand, r resource, present string) (record, error) {
	issuer, err := a.choose(r, present)
	if err != nil {
		return record{}, err
	}
	s, err := a.discover(ctx, issuer)
	if err != nil {
		return record{}, err
	}
	return a.recordWith(ctx, d, r, s)
}

func (a *Auth) recordWith(ctx context.Context, d demand, r resource, s server) (record, error) {
	c, err := a.obtain(ctx, s)
	if err != nil {
		return record{}, err
	}
	return record{
		Resource: r.Resource, Issuer: s.issuer, Guessed: s.guessed, Scopes: a.scopes(d, r, s), Client: c,
	}, nil
}

// movedError says that the API names another authorization server than the one
// that its refused token came from, or another resource.
type movedError struct {
	to     resource
	demand demand
}

func (*movedError) Error() string { return "apiauth: the API names another authorization server" }

// moved returns a movedError where the metadata of the API says so. Metadata
// that cannot be had, or used, moves nothing.
func (a *Auth) moved(ctx context.Context, d demand, k *known) error {
	if k.Resource == "" && d.metadata == "" {
		return nil
	}
	r, unknown := a.resource(ctx, d)
	issuer, none := a.choose(r, k.Issuer)
	if unknown == nil && none == nil && (issuer != k.Issuer || r.Resource != k.Resource) {
		return &movedError{r, d}
	}
	return nil // the token may be renewed as before
}

// move makes the record of the server that the API names now.
func (a *Auth) move(ctx context.Context, k *known, m *movedError) (*known, error) {
	return a.change(ctx, k, func(ctx context.Context) (record, error) {
		return a.recordOf(ctx, m.demand, m.to, k.Issuer)
	})
}

// registerAnew replaces a registration that the server has forgotten, or whose
// secret has expired.
func (a *Auth) registerAnew(ctx context.Context, k *known) (*known, error) {
	return a.change(ctx, k, func(ctx context.Context) (record, error) {
		s := a.guess()
		if !k.Guessed {
			var err error
			if s, err = a.discover(ctx, k.Issuer); err != nil {
				return record{}, err
			}
		}
		c, err := a.obtain(ctx, s)
		next := k.record
		next.Client = c
		return next, err
	})
}

// fresh returns k with a client secret that has not expired, renewed ahead of
// that where the server permits it.
func (a *Auth) fresh(ctx context.Context, k *known) (*known, error) {
	due, over := k.Client.secretDue(time.Now())
	if !due && !over {
		return k, nil
	}
	if due && a.limits.mayRenew() {
		next, err := a.change(ctx, k, func(ctx context.Context) (record, error) {
			c, err := a.renewSecret(ctx, k.Client)
			next := k.record
			next.Client = c
			return next, err
		})
		if err == nil || !over && ctx.Err() == nil {
			if err != nil {
				a.cfg.Logger.Warn("the client secret could not be renewed", "error", err)
				next = k
			}
			return next, nil
		}
	}
	if over {
		return a.registerAnew(ctx, k)
	}
	return k, nil
}

// stepUp signs an account in with the scopes asked for so far and those that
// are demanded, and reports whether a request may now fare better. While it
// does, it holds the lock of the store, so that others wait and adopt.
func (a *Auth) stepUp(ctx context.Context, account string, k *known, need []string) (*known, bool, error) {
	held, unlock, err := a.store.Lock(ctx)
	if err != nil {
		return k, false, err
	}
	defer unlock()
	stored, err := load(held, a.store)
	if err != nil {
		return k, false, err
	}
	adopted := stored != nil && !stored.same(k.record)
	if adopted {
		k = a.set(*stored)
	}
	if within(need, k.Scopes) {
		granted, err := a.granted(ctx, account, k, need)
		if granted || err != nil {
			return k, granted && adopted, err
		}
	}
	if !a.limits.allow() {
		return k, false, nil
	}
	wider := &known{k.record}
	wider.Scopes = union(k.Scopes, need)
	if wider.same(k.record) {
		wider = k
	}
	err = a.use(ctx, place{account, wider}, func(g *oauth2grant.Grant) error {
		_, err := g.FetchToken(ctx)
		return err
	})
	if err == nil {
		err = wider.save(held, a.store)
	}
	if err != nil {
		a.pool.Forget(place{account, wider})
		return k, false, err
	}
	return a.set(wider.record), true, nil
}

// granted reports whether the token of an account has all of the scopes.
func (a *Auth) granted(ctx context.Context, account string, k *known, need []string) (ok bool, err error) {
	err = a.use(ctx, place{account, k}, func(g *oauth2grant.Grant) error {
		t, err := g.Token(ctx)
		ok = within(need, t.Scopes())
		return err
	})
	return ok, err
}

// restraint bounds how often an API may have a person asked, or a client
// registered, beyond the first time: eight times, and once more for every ten
// minutes that pass.
type restraint struct {
	mu      sync.Mutex
	spent   float64
	at      time.Time
	renewed time.Time // when a secret was last renewed
}

const (
	mostChanges  = 8
	changesEvery = 10 * time.Minute
	renewEvery   = time.Minute
)

func (l *restraint) allow() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.spent = max(0, l.spent-now.Sub(l.at).Seconds()/changesEvery.Seconds())
	l.at = now
	if l.spent+1 > mostChanges {
		return false
	}
	l.spent++
	return true
}

// mayRenew reports whether a secret may be renewed now.
func (l *restraint) mayRenew() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.renewed) < renewEvery {
		return false
	}
	l.renewed = time.Now()
	return true
}
