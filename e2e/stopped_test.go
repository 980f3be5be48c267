package e2e

import (
	"syscall"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// TestStopped_HolderOfTheLock stops a process in the middle of a renewal, which
// nobody can tell from one that is slow, and wakes it up again. A store whose
// lock is a lease lets the others go on instead, and the one that wakes up
// finds that it has lost it.
func TestStopped_HolderOfTheLock(t *testing.T) {
	t.Parallel()
	onEachRotating(t, time.Hour, func(t *testing.T, s rotating, c common) {
		if c.lease {
			t.Parallel()
			leaseIsLost(t, s, c)
			return
		}
		first := s.signIn(t)
		c.put(t, first)
		holder, fed, starved := c.start(t, spec{Issuer: s.issuer}), c.start(t, spec{Issuer: s.issuer}),
			c.start(t, spec{Issuer: s.issuer})
		fed.tokenFrom(t, doToken)
		c.put(t, expired(first))

		before := s.tokenRequests()
		renewal, _ := holder.until(t, sending, order{Do: doRenew})
		holder.signal(t, syscall.SIGSTOP)
		if r := fed.tokenFrom(t, doToken); r.Access != first.AccessToken {
			t.Error("who holds a usable token lost it")
		}
		for _, waiting := range []pending{
			starved.order(t, order{Do: doToken, Patience: aWhile}), fed.order(t, order{Do: doRenew, Patience: aWhile}),
		} {
			if r := waiting.wait(t); !r.is("deadline") {
				t.Errorf("who needs a renewal got %q, want its own deadline", r.Err)
			}
		}
		patient := []pending{starved.order(t, order{Do: doToken}), fed.order(t, order{Do: doRenew})}
		if n := s.tokenRequests() - before; n != 0 {
			t.Errorf("%d token requests beside the holder of the lock", n)
		}

		holder.signal(t, syscall.SIGCONT)
		holder.do(t, doGoOn)
		renewed := renewal.wait(t)
		if renewed.Err != "" || renewed.Access == "" {
			t.Errorf("woken up: %q", renewed.Err)
		}
		for _, p := range patient {
			if r := p.wait(t); r.Err != "" || r.Access != renewed.Access {
				t.Errorf("who waited got %q, the same token %t", r.Err, r.Access == renewed.Access)
			}
		}
		if n := s.tokenRequests() - before; n != 1 || s.refusals() != 0 {
			t.Errorf("%d token requests, %d refused, want 1 and none", n, s.refusals())
		}
		for _, p := range []*process{holder, fed, starved} {
			p.end(t)
		}
	})
}

// leaseIsLost stops the holder of a lease before it has sent anything: what was
// sent already is the server's, and only its grace could help.
func leaseIsLost(t *testing.T, s rotating, c common) {
	t.Helper()
	first := s.signIn(t)
	c.put(t, expired(first))
	holder, other := c.start(t, spec{Issuer: s.issuer}), c.start(t, spec{Issuer: s.issuer})
	before := s.tokenRequests()
	renewal, _ := holder.until(t, locked, order{Do: doToken})
	holder.signal(t, syscall.SIGSTOP)
	renewed := other.tokenFrom(t, doToken) // waits for the lease to end
	holder.signal(t, syscall.SIGCONT)
	holder.do(t, doTell)
	holder.do(t, doGoOn)
	if r := renewal.wait(t); r.Err == "" && r.Access != renewed.Access {
		t.Error("who woke up has another token")
	} else {
		t.Logf("who woke up got %q", r.Err)
	}
	if r := holder.order(t, order{Do: doToken, Patience: progress.Limit}).wait(t); r.Access != renewed.Access {
		t.Errorf("who woke up did not adopt the new token: %q", r.Err)
	}
	if n := s.tokenRequests() - before; n != 1 || s.refusals() != 0 {
		t.Errorf("%d token requests, %d refused, want 1 and none", n, s.refusals())
	}
	if c.get(t).AccessToken != renewed.Access {
		t.Error("the store does not hold the new token")
	}
	holder.end(t)
	other.end(t)
}

// TestClocks_ThatAreWrong lets three processes live on one refresh token, one
// with its clock an hour ahead and one an hour behind.
func TestClocks_ThatAreWrong(t *testing.T) {
	const d, life = 6 * time.Second, 2 * time.Second
	t.Parallel()
	onEachRotating(t, life, func(t *testing.T, s rotating, c common) {
		t.Parallel()
		c.put(t, s.signIn(t))
		before := s.tokenRequests()
		var reports []pending
		var all []*process
		begin := time.Now()
		for _, ahead := range []time.Duration{0, time.Hour, -time.Hour} {
			p := c.start(t, spec{Issuer: s.issuer, Ahead: ahead, Refresh: oauth2grant.Refresh{Jitter: -1}})
			all, reports = append(all, p), append(reports, p.order(t, order{Do: doCall, For: d}))
		}
		for _, r := range reports {
			got := r.wait(t)
			add(t, &calls{}, got.Calls)
			if got.Calls.Tokens < 2 {
				t.Errorf("a process had %d tokens in %v: it never came to a new one", got.Calls.Tokens, d)
			}
		}
		// Who is ahead takes every token of the others for expired, and they
		// those of who is behind: each renews for itself, but at its own pace.
		most := len(reports) * (int(time.Since(begin)/(life/2)) + 2)
		if n := s.tokenRequests() - before; n > most || s.refusals() != 0 {
			t.Errorf("%d token requests, %d refused, want at most %d and none", n, s.refusals(), most)
		} else {
			t.Logf("%d token requests", n)
		}
		for _, p := range all {
			p.end(t) // nobody renews any more
		}
		s.wantActive(t, "the last refresh token", c.get(t).RefreshToken)
	})
}
