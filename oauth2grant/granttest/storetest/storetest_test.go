package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func TestRun_PassesGoodStores(t *testing.T) {
	withLease := memoryHarness(func(m *memory) {
		m.lock = func(m *memory, ctx context.Context) (context.Context, func(), error) { return leased(ctx, m) }
	})
	withLease.LoseLease, withLease.Break = loseLease, nil
	telling := memoryHarness(nil)
	telling.Notifies = true
	telling.Open = func(place string) (oauth2grant.Store, error) { return notifier{memory: openMemory(place)}, nil }
	for name, h := range map[string]Harness{
		"in memory": memoryHarness(nil), "in memory with a lease": withLease, "in memory with a notifier": telling,
		"in a file": file, "with leases": onDatabase(nil),
	} {
		t.Run(name, func(t *testing.T) { Run(t, h) })
	}
}

// broken names the check that must fail on each store.
var broken = map[string]struct {
	check string
	h     Harness
}{
	"an empty store gives an empty token": {"an empty store gives ErrNoToken", memoryHarness(func(m *memory) {
		m.load = func(m *memory, ctx context.Context) (oauth2grant.Token, error) {
			t, err := intact(m).Load(ctx)
			if errors.Is(err, oauth2grant.ErrNoToken) {
				err = nil
			}
			return t, err
		}
	})},
	"extra members are lost": {
		"every field and extra member comes back",
		saves(func(m *memory, ctx context.Context, t oauth2grant.Token) error {
			return intact(m).Save(ctx, oauth2grant.Token{
				AccessToken: t.AccessToken, TokenType: t.TokenType, RefreshToken: t.RefreshToken, IDToken: t.IDToken,
				Scope: t.Scope, Expiry: t.Expiry,
			})
		}),
	},
	"big tokens are cut": {
		"big tokens come back",
		saves(func(m *memory, ctx context.Context, t oauth2grant.Token) error {
			t.AccessToken = t.AccessToken[:min(4096, len(t.AccessToken))]
			return intact(m).Save(ctx, t)
		}),
	},
	"each store keeps a copy": {"another store on the place sees each save", memoryHarness(func(m *memory) {
		var mine oauth2grant.Token
		m.save = func(_ *memory, _ context.Context, t oauth2grant.Token) error { mine = t; return nil }
		m.load = func(*memory, context.Context) (oauth2grant.Token, error) { return mine, nil }
	})},
	"a second delete fails": {"delete may be repeated", memoryHarness(func(m *memory) {
		m.remove = func(m *memory, ctx context.Context) error {
			if _, err := intact(m).Load(ctx); err != nil {
				return err
			}
			return intact(m).Delete(ctx)
		}
	})},
	"an ended context is " +
		"ignored": {
		"an ended context gives its error and changes nothing",
		saves(func(m *memory, ctx context.Context, t oauth2grant.Token) error {
			return intact(m).Save(context.WithoutCancel(ctx), t)
		}),
	},
	"an error shows the token": {
		"an ended context gives its error and changes nothing",
		saves(func(m *memory, ctx context.Context, t oauth2grant.Token) error {
			if err := intact(m).Save(ctx, t); err != nil {
				return fmt.Errorf("can't save %s: %w", t.AccessToken, err)
			}
			return nil
		}),
	},
	"two saves are mixed": {
		"many goroutines load and save",
		saves(func(m *memory, ctx context.Context, t oauth2grant.Token) error {
			if old, err := intact(m).Load(ctx); err == nil {
				t.RefreshToken = old.RefreshToken
			}
			return intact(m).Save(ctx, t)
		}),
	},
	"the lock is none": {"the lock excludes other goroutines", memoryHarness(func(m *memory) {
		m.lock = func(_ *memory, ctx context.Context) (context.Context, func(), error) { return ctx, func() {}, nil }
		m.load = func(m *memory, ctx context.Context) (oauth2grant.Token, error) {
			t, err := intact(m).Load(ctx)
			runtime.Gosched()
			return t, err
		}
	})},
	"a second unlock takes the lock from " +
		"another": {
		"unlock may be repeated",
		locks(func(m *memory, ctx context.Context) (context.Context, func(), error) {
			turn, _ := turns.LoadOrStore(m.name, make(chan struct{}, 1))
			select {
			case turn.(chan struct{}) <- struct{}{}:
				return ctx, func() {
					select {
					case <-turn.(chan struct{}):
					default:
					}
				}, nil
			case <-ctx.Done():
				return nil, nil, ctx.Err()
			}
		}),
	},
	"unlock needs a live " +
		"context": {
		"unlock works after the context has ended",
		locks(func(m *memory, ctx context.Context) (context.Context, func(), error) {
			_, unlock, err := intact(m).Lock(ctx)
			return ctx, func() {
				if ctx.Err() == nil {
					unlock()
				}
			}, err
		}),
	},
	"waiting ignores the " +
		"context": {
		"waiting for the lock honours the context",
		locks(func(m *memory, ctx context.Context) (context.Context, func(), error) {
			return intact(m).Lock(context.WithoutCancel(ctx))
		}),
	},
	"held is a context of " +
		"its own": {
		"held carries the values of the context and ends with it",
		locks(func(m *memory, ctx context.Context) (context.Context, func(), error) {
			_, unlock, err := intact(m).Lock(ctx)
			return context.Background(), unlock, err
		}),
	},
	"held outlives the context": {
		"held carries the values of the context and ends with it",
		locks(func(m *memory, ctx context.Context) (context.Context, func(), error) {
			_, unlock, err := intact(m).Lock(ctx)
			return context.WithoutCancel(ctx), unlock, err
		}),
	},
	"a save under the lock waits for unlock": {
		"what is saved and deleted under the lock is there",
		memoryHarness(func(m *memory) {
			m.lock = func(m *memory, ctx context.Context) (context.Context, func(), error) {
				held, unlock, err := intact(m).Lock(ctx)
				return context.WithValue(held, fenceKey{}, "later"), unlock, err
			}
			m.save = func(m *memory, ctx context.Context, t oauth2grant.Token) error {
				if ctx.Value(fenceKey{}) == "later" {
					return nil
				}
				return intact(m).Save(ctx, t)
			}
		}),
	},
	"a save takes the lock": {
		"a save needs no lock",
		saves(func(m *memory, ctx context.Context, t oauth2grant.Token) error {
			_, unlock, err := intact(m).Lock(ctx)
			if err != nil {
				return err
			}
			defer unlock()
			return intact(m).Save(ctx, t)
		}),
	},
	"what can't be read is " +
		"no token": {
		"corruption is an error and can be healed",
		loads(func(m *memory, ctx context.Context) (oauth2grant.Token, error) {
			t, err := intact(m).Load(ctx)
			if err != nil {
				err = oauth2grant.ErrNoToken
			}
			return t, err
		}),
	},
	"a backend that is away " +
		"is empty": {
		"a backend that is away gives errors and comes back",
		loads(func(m *memory, ctx context.Context) (oauth2grant.Token, error) {
			t, err := intact(m).Load(ctx)
			if errors.Is(err, errAway) {
				err = oauth2grant.ErrNoToken
			}
			return t, err
		}),
	},
	"the loss of a lease is " +
		"not told": {
		"a lost lease ends held and fences save",
		losing(func(m *memory, ctx context.Context) (context.Context, func(), error) {
			held, unlock, err := leased(ctx, m)
			return context.WithoutCancel(held), unlock, err
		}),
	},
	"a lost lease has no fence": {
		"a lost lease ends held and fences save",
		losing(func(m *memory, ctx context.Context) (context.Context, func(), error) {
			held, unlock, err := leased(ctx, m)
			if err == nil {
				held = context.WithValue(held, fenceKey{}, nil)
			}
			return held, unlock, err
		}),
	},
	"processes are not excluded":     {"the lock excludes other processes", forgetful},
	"processes lose counts":          {"processes that count under the lock lose nothing", forgetful},
	"an old held is good":            {"a save after unlock with the old held fails", forgetful},
	"an old held resurrects":         {"an old held does not bring a deleted token back", forgetful},
	"a killed holder keeps the lock": {"the lock of a killed process is freed", sticky},
	"a save is not durable":          {"a process killed in its saves leaves the last token or the next", lazy},
	"nobody says that it notifies":   {"the store is no notifier", notifies(notifier{}, false)},
	"changes are not told":           {"a change by another store is told", notifies(notifier{deaf: true}, true)},
	"stop does not wait": {
		"stop waits for a call under way and is final", notifies(notifier{careless: true}, true),
	},
	"stop is not final": {"stop waits for a call under way and is final", notifies(notifier{endless: true}, true)},
}

func TestRun_CatchesBrokenStores(t *testing.T) {
	before := patience
	t.Cleanup(func() { patience = before; close(goesOn) })
	for name, store := range broken {
		t.Run(name, func(t *testing.T) {
			patience = 300 * time.Millisecond
			if store.h.Processes {
				patience = before // a process takes its time to start
			}
			list := checks(store.h)
			i := slices.IndexFunc(list, func(c check) bool { return c.name == store.check })
			if i < 0 {
				t.Fatalf("there is no check %q", store.check)
			}
			for range 20 { // a race is lost only now and then
				if err := list[i].try(t, store.h); err != nil {
					t.Log(err)
					return
				}
			}
			t.Errorf("%q lets it pass", store.check)
		})
	}
}

func TestRun_EveryCheckCatchesSomething(t *testing.T) {
	every := Harness{
		Processes: true, Notifies: true, Answers: true, Lease: time.Second,
		Corrupt: corrupt, LoseLease: loseLease, Break: takeAway,
	}
	for _, c := range append(checks(every), checks(Harness{})...) {
		caught := false
		for _, store := range broken {
			caught = caught || store.check == c.name
		}
		if !caught {
			t.Errorf("no broken store shows that %q can fail", c.name)
		}
	}
}

func TestLostLease_SaysThatHeldGoesOn(t *testing.T) {
	before := patience
	t.Cleanup(func() { patience = before })
	patience = 2 * time.Second
	h := onDatabase(nil)
	h.LoseLease = func(string) error { // its holder goes on extending it
		time.Sleep(100 * time.Millisecond)
		return nil
	}
	err := check{"", lostLease}.try(t, h)
	if err == nil || !strings.Contains(err.Error(), "held has not ended") {
		t.Errorf("a lease that is not lost gave: %v", err)
	}
}

func TestSubprocess_MustBeCalled(t *testing.T) {
	h := file
	h.Name = "nobody told TestMain"
	b := &bench{Harness: h, ctx: t.Context(), place: h.Place(t)}
	if c, err := b.start("hold"); err == nil {
		c.kill()
		t.Error("a child was started")
	}
}

func TestToken_OfMixedPartsIsNoneOfOurs(t *testing.T) {
	mixed := token(1)
	mixed.RefreshToken = token(2).RefreshToken
	if number(token(7)) != 7 || number(mixed) != -1 || number(oauth2grant.Token{}) != -1 {
		t.Error("number does not know whole tokens from others")
	}
}
