package storetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/leasestore"
)

// database is a leasestore.Backend in memory. Its func fields break it.
type database struct {
	*records

	save    func(d *database, r *leasestore.Record, c leasestore.Change) bool
	tryLock func(r *leasestore.Record)
	extend  func() bool
	tellAll bool
}

type records struct {
	mu      sync.Mutex
	of      map[string]*leasestore.Record
	watches map[chan string]bool
	away    bool
}

func (d *database) do(ctx context.Context, key string, rule func(r *leasestore.Record)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away {
		return errAway
	}
	if d.of[key] == nil {
		d.of[key] = &leasestore.Record{}
	}
	rule(d.of[key])
	return ctx.Err()
}

func (d *database) Load(ctx context.Context, key string) (token []byte, version int64, err error) {
	err = d.do(ctx, key, func(r *leasestore.Record) { token, version = r.Token, r.Version })
	return token, version, err
}

func (d *database) Save(ctx context.Context, key string, c leasestore.Change) (saved bool, err error) {
	err = d.do(ctx, key, func(r *leasestore.Record) {
		if d.save != nil {
			saved = d.save(d, r, c)
		} else {
			saved = r.Change(c, time.Now())
		}
		for changes := range d.watches {
			if saved && (c.Mark == "" || d.tellAll) {
				changes <- key
			}
		}
	})
	return saved, err
}

func (d *database) TryLock(
	ctx context.Context, key string, lease, notice time.Duration,
) (try leasestore.Try, err error) {
	err = d.do(ctx, key, func(r *leasestore.Record) {
		if try = r.TryLock(time.Now(), lease, notice); try.Fence != 0 && d.tryLock != nil {
			d.tryLock(r)
		}
	})
	return try, err
}

func (d *database) Extend(
	ctx context.Context, key string, fence int64, lease time.Duration,
) (extended bool, err error) {
	err = d.do(ctx, key, func(r *leasestore.Record) {
		if d.extend != nil {
			extended = d.extend()
		} else {
			extended = r.Extend(fence, time.Now(), lease)
		}
	})
	return extended, err
}

func (d *database) Unlock(ctx context.Context, key string, fence int64) error {
	return d.do(ctx, key, func(r *leasestore.Record) { r.Unlock(fence) })
}

func (d *database) Check(context.Context) error { return nil }

func (d *database) Watch(ctx context.Context, ready func(), changed func(key string)) error {
	changes := make(chan string, 1000)
	d.mu.Lock()
	d.watches[changes] = true
	d.mu.Unlock()
	ready()
	for {
		select {
		case key := <-changes:
			changed(key)
		case <-ctx.Done():
			d.mu.Lock()
			defer d.mu.Unlock()
			delete(d.watches, changes)
			return ctx.Err()
		}
	}
}

// leaseStore is a Store with a family of its own. Its func fields break it.
type leaseStore struct {
	*leasestore.Store
	family *leasestore.Family

	save   func(s *leasestore.Store, ctx context.Context, t oauth2grant.Token) error
	answer func(s *leasestore.Store, ctx context.Context, mark string, t oauth2grant.Token) error
	lock   func(s *leasestore.Store, ctx context.Context) (context.Context, func(), error)
}

func (s leaseStore) Close() error { return s.family.Close() }

func (s leaseStore) Save(ctx context.Context, t oauth2grant.Token) error {
	if s.save != nil {
		return s.save(s.Store, ctx, t)
	}
	return s.Store.Save(ctx, t)
}

func (s leaseStore) SaveAnswer(ctx context.Context, mark string, t oauth2grant.Token) error {
	if s.answer != nil {
		return s.answer(s.Store, ctx, mark, t)
	}
	return s.Store.SaveAnswer(ctx, mark, t)
}

func (s leaseStore) Lock(ctx context.Context) (context.Context, func(), error) {
	if s.lock != nil {
		return s.lock(s.Store, ctx)
	}
	return s.Store.Lock(ctx)
}

// databaseLease is extended in time on a busy machine, too.
const databaseLease = 3 * time.Second

// onDatabase tests stores over one database, which breakIt may break.
func onDatabase(breakIt func(d *database, s *leaseStore)) Harness {
	shared := &records{of: map[string]*leasestore.Record{}, watches: map[chan string]bool{}}
	h := Harness{
		Name:     "leases",
		Lease:    databaseLease,
		Notifies: true,
		Answers:  true,
		Open: func(place string) (oauth2grant.Store, error) {
			d, s := &database{records: shared}, &leaseStore{}
			if breakIt != nil {
				breakIt(d, s)
			}
			family, err := leasestore.New(d, leasestore.Config{Name: "leases", Lease: databaseLease})
			if err != nil {
				return nil, err
			}
			s.family, s.Store = family, family.Store(place)
			return *s, nil
		},
		Place: func(tb testing.TB) string { tb.Helper(); return tb.TempDir() },
		LoseLease: func(place string) error {
			return (&database{records: shared}).do(context.Background(), place, func(r *leasestore.Record) {
				r.Unlock(r.Fence)
			})
		},
	}
	h.Break = func(string) (func(), error) {
		set := func(away bool) { shared.mu.Lock(); shared.away = away; shared.mu.Unlock() }
		set(true)
		return func() { set(false) }, nil
	}
	return h
}

// goesOn lets goroutines go on until the tests are over.
var goesOn = make(chan struct{})

func init() {
	for name, store := range map[string]struct {
		check   string
		breakIt func(d *database, s *leaseStore)
	}{
		"a mark is saved without the lock": {"a token with a mark needs the lock", func(_ *database, s *leaseStore) {
			s.save = func(s *leasestore.Store, ctx context.Context, t oauth2grant.Token) error {
				err := s.Save(ctx, t)
				if err == nil || t.Mark() == "" {
					return err
				}
				held, unlock, err := s.Lock(ctx)
				if err != nil {
					return err
				}
				defer unlock()
				return s.Save(held, t)
			}
		}},
		"a mark overwrites a change": {
			"a token with a mark is not saved over a change",
			func(d *database, _ *leaseStore) {
				d.save = func(_ *database, r *leasestore.Record, c leasestore.Change) bool {
					c.Version = r.Version
					return r.Change(c, time.Now())
				}
			},
		},
		"an answer takes the lock": {"an answer needs no lock", func(_ *database, s *leaseStore) {
			s.answer = func(s *leasestore.Store, ctx context.Context, mark string, t oauth2grant.Token) error {
				limited, cancel := context.WithTimeout(ctx, patience)
				defer cancel()
				_, unlock, err := s.Lock(limited)
				if err != nil {
					return err
				}
				defer unlock()
				return s.SaveAnswer(ctx, mark, t)
			}
		}},
		"an answer overwrites anything": {"an answer needs its mark", func(_ *database, s *leaseStore) {
			s.answer = func(s *leasestore.Store, ctx context.Context, _ string, t oauth2grant.Token) error {
				return s.Save(context.WithoutCancel(ctx), t)
			}
		}},
		"a mark stays": {"a save without a mark voids one", func(d *database, _ *leaseStore) {
			d.save = func(_ *database, r *leasestore.Record, c leasestore.Change) bool {
				mark := r.Mark
				saved := r.Change(c, time.Now())
				if r.Mark == "" && c.Answers == "" {
					r.Mark = mark
				}
				return saved
			}
		}},
		"an answer spoils the lock": {"the holder goes on after an answer", func(d *database, _ *leaseStore) {
			d.save = func(_ *database, r *leasestore.Record, c leasestore.Change) bool {
				saved := r.Change(c, time.Now())
				if c.Answers != "" {
					r.Writer = 0
				}
				return saved
			}
		}},
		"the next holder voids the mark": {
			"an answer is saved after the lock was lost",
			func(d *database, _ *leaseStore) {
				d.tryLock = func(r *leasestore.Record) { r.Mark = "" }
			},
		},
		"a mark is news": {"a mark is not told", func(d *database, _ *leaseStore) { d.tellAll = true }},
		"the heartbeat extends nothing": {
			"a lock that is held outlives its lease", func(d *database, _ *leaseStore) {
				d.extend = func() bool { return true }
			},
		},
		"held goes on without the database": {
			"held ends when the backend is away for longer than the lease",
			func(_ *database, s *leaseStore) {
				s.lock = func(s *leasestore.Store, ctx context.Context) (context.Context, func(), error) {
					held, unlock, err := s.Lock(ctx)
					if err != nil {
						return nil, nil, err
					}
					return context.WithoutCancel(held), unlock, nil
				}
			},
		},
		"the fence is looked at before": {
			"a save that is under way when the lock is lost is not the last",
			func(d *database, _ *leaseStore) {
				d.save = func(d *database, r *leasestore.Record, c leasestore.Change) bool {
					tried := *r
					if !tried.Change(c, time.Now()) {
						return false
					}
					if string(r.Token) != "" && c.Fence != 0 {
						d.mu.Unlock()
						time.Sleep(time.Millisecond)
						d.mu.Lock()
					}
					c.Fence, c.Answers = 0, ""
					writer := tried.Writer
					r.Change(c, time.Now())
					r.Writer = writer
					return true
				}
			},
		},
		"a goroutine goes on": {
			"nothing goes on after the stores are closed", func(*database, *leaseStore) { go func() { <-goesOn }() },
		},
	} {
		broken[name] = struct {
			check string
			h     Harness
		}{store.check, onDatabase(store.breakIt)}
	}
	quietly := onDatabase(nil)
	quietly.Answers = false
	broken["nobody says that it saves answers"] = struct {
		check string
		h     Harness
	}{"the store saves no answers", quietly}
	broken["a Lock that is cancelled keeps it"] = struct {
		check string
		h     Harness
	}{
		"a Lock that is cancelled leaves no lock",
		locks(func(m *memory, ctx context.Context) (context.Context, func(), error) {
			held, unlock, err := intact(m).Lock(ctx)
			time.Sleep(time.Millisecond)
			if err == nil && ctx.Err() != nil {
				return nil, nil, ctx.Err()
			}
			return held, unlock, err
		}),
	}
	broken["what is noted is lost"] = struct {
		check string
		h     Harness
	}{
		"what a grant notes with the token comes back",
		saves(func(m *memory, ctx context.Context, t oauth2grant.Token) error {
			return intact(m).Save(ctx, oauth2grant.Token{
				AccessToken: t.AccessToken, TokenType: t.TokenType, RefreshToken: t.RefreshToken, Scope: t.Scope,
			})
		}),
	}
	broken["no token is a token"] = struct {
		check string
		h     Harness
	}{"the zero token is a delete", saves(func(m *memory, ctx context.Context, t oauth2grant.Token) error {
		if t == (oauth2grant.Token{}) {
			return m.put(ctx, []byte(`{"access_token":""}`))
		}
		return intact(m).Save(ctx, t)
	})}
}
