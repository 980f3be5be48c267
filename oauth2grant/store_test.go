package oauth2grant_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestStore_ManyGrantsRefreshOnce(t *testing.T) {
	inWorld(t, granttest.Config{Lifetime: 2 * time.Second}, func(w world) {
		w.seed()
		const grants, callers = 20, 10
		var wg sync.WaitGroup
		for range grants {
			g := newGrant(w.T, oauth2grant.RefreshOnly{}, w.config())
			for range callers {
				wg.Go(func() {
					for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(50 * time.Millisecond) {
						w.ensure(g)
					}
				})
			}
		}
		wg.Wait()
		if most := 60*6/7 + 2; w.srv.Count(granttest.Token) > most {
			t.Errorf("%d token requests, want at most %d", w.srv.Count(granttest.Token), most)
		}
		if w.srv.ReuseDetected() > 0 {
			t.Error("a rotated refresh token was used again")
		}
		for _, r := range w.srv.Requests(granttest.Token) {
			if r.Status != http.StatusOK {
				t.Errorf("a token request was refused: %s", r.Code)
			}
		}
	})
}

func TestStore_AnInvalidGrantIsBelievedOnlyAfterASecondLook(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		first := w.seed()
		cfg := w.config()
		var newer oauth2grant.Token
		cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if newer.AccessToken == "" { // somebody rotates without the lock, just before
				newer = w.seed()
				w.srv.RevokeToken(first.RefreshToken)
			}
			return w.srv.Transport().RoundTrip(r)
		})}
		g := newGrant(w.T, oauth2grant.RefreshOnly{}, cfg)
		time.Sleep(2 * time.Hour) // the stored one has expired
		w.srv.Reset()
		got := w.token(g)
		if w.b.get().RefreshToken != got.RefreshToken || got.RefreshToken == first.RefreshToken {
			t.Error("the newer token was not taken over")
		}
		if slices.ContainsFunc(w.b.saves, func(s oauth2grant.Token) bool { return s == (oauth2grant.Token{}) }) {
			t.Error("the newer token was deleted")
		}
	})
}

func TestStore_ADeadRefreshTokenIsSentOnce(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		seeded := w.seed()
		w.srv.RevokeToken(seeded.RefreshToken)
		g := newGrant(w.T, oauth2grant.RefreshOnly{}, w.config())
		w.mustFail(failureOf(g.RefreshToken(w.Context())), oauth2grant.ErrLoginRequired, oauth2grant.InvalidGrant)
		for range 100 {
			_, err := g.RefreshToken(w.Context())
			w.mustFail(err, oauth2grant.ErrLoginRequired)
			time.Sleep(time.Minute)
		}
		if n := w.srv.Count(granttest.Token); n != 1 {
			t.Errorf("the refused refresh token was sent %d times", n)
		}
		if state := g.Status().State; state != oauth2grant.StateLoginRequired {
			t.Errorf("state is %v", state)
		}
		if !same(w.b.get(), seeded) {
			t.Error("the stored token was changed")
		}
	})
}

func TestStore_ATokenThatCannotBeSavedIsUsedAndSavedLater(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		w.seed()
		var told []oauth2grant.Event
		cfg := w.config()
		cfg.OnEvent = func(_ context.Context, e oauth2grant.Event) { told = append(told, e) }
		g := newGrant(w.T, oauth2grant.RefreshOnly{}, cfg)
		w.ensure(g)
		w.b.loseAnswers()
		got, err := g.RefreshToken(w.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.ensure(g)
		if s := g.Status(); !s.Usable || !errors.Is(s.Err, errStoreDown) || s.NextRefresh.IsZero() {
			t.Errorf("status does not say that the token is not saved: %+v", s)
		}
		w.b.set(func() { w.b.onSave = nil })
		time.Sleep(2 * time.Minute)
		if w.b.get() != got {
			t.Error("the token was not saved when the store was well again")
		}
		if s := g.Status(); s.Err != nil || s.Failures != 0 {
			t.Errorf("status after the save: %+v", s)
		}
		if n := w.srv.Count(granttest.Token); n != 1 {
			t.Errorf("%d token requests for one refresh", n)
		}
		synctest.Wait()
		isNotSaved := func(e oauth2grant.Event) bool {
			return e.Kind == oauth2grant.EventNotSaved && errors.Is(e.Err, errStoreDown)
		}
		if !slices.ContainsFunc(told, isNotSaved) {
			t.Errorf("OnEvent was told %v", told)
		}
	})
}

func TestStore_ATokenIsSavedLaterOnlyOverTheOneItWasMadeFrom(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		w.seed()
		g := newGrant(w.T, oauth2grant.RefreshOnly{}, w.config())
		w.ensure(g)
		w.b.loseAnswers()
		if _, err := g.RefreshToken(w.Context()); err != nil {
			t.Fatal(err)
		}
		var theirs oauth2grant.Token
		w.b.set(func() {
			w.b.onSave = nil
			w.b.onLock = func() error {
				if theirs == (oauth2grant.Token{}) {
					theirs = w.seed() // somebody else has signed in just before
				}
				return nil
			}
		})
		w.b.loseLease()
		time.Sleep(2 * time.Minute)
		if w.b.get() != theirs {
			t.Error("the other's token was overwritten")
		}
		if w.token(g).AccessToken != theirs.AccessToken {
			t.Error("the other's token was not adopted")
		}
	})
}

func TestStore_EmptiedMeansSignedOut(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		cfg := w.config()
		cfg.Token = w.seed() // also as a seed: it must not come back
		g := newGrant(w.T, oauth2grant.RefreshOnly{}, cfg)
		w.ensure(g)
		w.b.set(func() { w.b.token, w.b.full = oauth2grant.Token{}, false })
		time.Sleep(59 * time.Minute) // a renewal came due
		w.mustFail(g.EnsureActiveToken(w.Context()), oauth2grant.ErrLoginRequired)
		if n := w.srv.Count(granttest.Token); n != 0 {
			t.Errorf("%d token requests with a remembered refresh token", n)
		}
	})
}

func TestStore_ASignOutIsNoticedAtOnceWhereItNotifies(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		w.seed()
		here, there := w.config(), w.config()
		here.Store, there.Store = notifying{store{w.b}, 1}, notifying{store{w.b}, 2}
		a, b := newGrant(w.T, oauth2grant.RefreshOnly{}, here), newGrant(w.T, oauth2grant.RefreshOnly{}, there)
		w.ensure(a)
		w.ensure(b)
		renewed, err := a.RefreshToken(w.Context())
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if w.token(b) != renewed {
			t.Error("the other grant did not adopt the renewed token at once")
		}
		if err := a.Revoke(w.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.mustFail(b.EnsureActiveToken(w.Context()), oauth2grant.ErrLoginRequired)
	})
}

func TestStore_DownCostsNoUsableTokenAndAllowsNoUnlockedRefresh(t *testing.T) {
	for name, fail := range map[string]func(*backend){
		"it can not be locked": func(b *backend) { b.onLock = func() error { return errStoreDown } },
		"it can not be read":   func(b *backend) { b.onLoad = func() error { return errStoreDown } },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, granttest.Config{}, func(w world) {
				w.seed()
				g := newGrant(w.T, oauth2grant.RefreshOnly{}, w.config())
				w.ensure(g)
				w.b.set(func() { fail(w.b) })
				for start := time.Now(); time.Since(start) < 59*time.Minute; time.Sleep(10 * time.Second) {
					w.ensure(g)
				}
				time.Sleep(2 * time.Minute)
				w.mustFail(g.EnsureActiveToken(w.Context()), errStoreDown)
				if n := w.srv.Count(granttest.Token); n != 0 {
					t.Errorf("%d token requests without the store", n)
				}
				w.b.set(func() { w.b.onLoad, w.b.onLock = nil, nil })
				time.Sleep(time.Minute)
				w.ensure(g)
			})
		})
	}
}

func TestStore_TheClockOfWhoSavedATokenIsNotTrusted(t *testing.T) {
	inWorld(t, granttest.Config{Lifetime: time.Hour}, func(w world) {
		theirs := newGrant(w.T, oauth2grant.Password{Username: "alice", Password: "wonderland"}, w.config())
		w.ensure(theirs)
		w.b.set(func() { w.b.token.Expiry = w.b.token.Expiry.Add(5 * time.Hour) }) // their clock is ahead
		g := newGrant(w.T, oauth2grant.RefreshOnly{}, w.config())
		w.ensure(g)
		if limit := time.Now().Add(time.Hour); g.Status().Expiry.After(limit) {
			t.Errorf("expiry is %v, want at most %v", g.Status().Expiry, limit)
		}
	})
}

func TestStore_WhoLostTheLeaseDoesNotOverwriteWhatIsNewer(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		w.seed()
		g := newGrant(w.T, oauth2grant.RefreshOnly{}, w.config())
		w.ensure(g)
		w.srv.Script(granttest.Token, granttest.Fault{DelayAnswer: time.Second})
		done := make(chan error, 1)
		go func() { done <- failureOf(g.RefreshToken(w.Context())) }()
		time.Sleep(500 * time.Millisecond)
		w.b.loseLease()
		theirs := w.seed()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if w.b.get() != theirs {
			t.Fatal("the newer token was overwritten without a lease")
		}
		time.Sleep(2 * time.Minute)
		if w.token(g).AccessToken != theirs.AccessToken || w.b.get() != theirs {
			t.Error("the newer token was not adopted")
		}
	})
}

func TestStore_TheSeedFillsAnEmptyOneAndWhatItHoldsWins(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		stored := w.seed()
		cfg := w.config()
		access, refresh, _ := w.srv.Issue("client", "alice")
		cfg.Token = oauth2grant.Token{AccessToken: access, RefreshToken: refresh}
		if got := w.token(newGrant(w.T, oauth2grant.RefreshOnly{}, cfg)); got != stored {
			t.Error("the seed was preferred to the stored token")
		}
		w.b.set(func() { w.b.token, w.b.full = oauth2grant.Token{}, false })
		got := w.token(newGrant(w.T, oauth2grant.RefreshOnly{}, cfg))
		if got.AccessToken != access || w.b.get() != got {
			t.Error("the seed was not used, or not saved")
		}
	})
}

func TestStore_WhoWaitsForTheLockAdoptsWhatItsHolderSavedAtOnce(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		w.seed()
		time.Sleep(2 * time.Hour) // it has expired
		cfg := w.config()
		cfg.Store = notifying{store{w.b}, 1}
		g := newGrant(w.T, oauth2grant.RefreshOnly{}, cfg)
		held, unlock, err := store{w.b}.Lock(w.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		got := make(chan oauth2grant.Token, 1)
		go func() { got <- w.token(g) }()
		synctest.Wait()
		renewed := w.issued()
		if err := (store{w.b}).Save(held, renewed); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		select {
		case adopted := <-got:
			if adopted != renewed || w.srv.Count(granttest.Token) > 0 {
				t.Error("another token was obtained")
			}
		default:
			t.Error("it waits for the lock all the same")
			unlock()
			<-got
		}
	})
}
