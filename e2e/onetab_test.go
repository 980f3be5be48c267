package e2e

import (
	"net/http"
	"sync"
	"testing"
)

// TestOneTab_AHundredCallersOpenOneBrowser has them all wait before the person
// does anything.
func TestOneTab_AHundredCallersOpenOneBrowser(t *testing.T) {
	onEachAtOnce(t, settings{}, func(t *testing.T, s *authServer) {
		p := newPerson(t, s.kind)
		flow := p.flow()
		g := newGrant(t, flow, s.config(native, personal...))
		const callers = 100
		headers := make([]http.Header, callers)
		var calling, served sync.WaitGroup
		calling.Add(callers)
		for i := range headers {
			headers[i] = http.Header{}
			served.Go(func() {
				calling.Done()
				if err := g.PrepareRequest(t.Context(), headers[i]); err != nil {
					t.Error(err)
				}
			})
		}
		calling.Wait()
		s.wantRequests(t, 1, func() {
			p.will(p.approves(alice), returns())
			served.Wait()
		})
		p.done()
		p.wantOpened(1)
		for _, h := range headers[1:] {
			if got := h.Get("Authorization"); got == "" || got != headers[0].Get("Authorization") {
				t.Fatal("not all requests carry the one token")
			}
		}
	})
}

// TestOneTab_TenProcessesOpenOneBrowser: the others wait at the store that they
// share, and take the token from there.
func TestOneTab_TenProcessesOpenOneBrowser(t *testing.T) {
	onEachAtOnce(t, settings{}, func(t *testing.T, s *authServer) {
		c, p := stores[0].at(t), newPerson(t, s.kind)
		workers := make([]*process, 10)
		calls := make([]pending, len(workers))
		var serving sync.WaitGroup
		for i := range workers {
			workers[i] = c.start(t, spec{Issuer: s.issuer, SignIn: true})
			serving.Go(func() { p.serves(workers[i]) })
		}
		for i, w := range workers {
			calls[i] = w.order(t, order{Do: doToken})
			w.do(t, doTell) // has read the order before
		}
		s.wantRequests(t, 1, func() {
			p.will(p.approves(alice), returns())
			for _, call := range calls {
				if r := call.wait(t); r.Err != "" || r.Access != c.get(t).AccessToken {
					t.Errorf("a process has the token of the store: %t, %s", r.Access == c.get(t).AccessToken, r.Err)
				}
			}
		})
		p.done()
		for _, w := range workers {
			w.end(t)
		}
		serving.Wait()
		p.wantOpened(1)
		s.wantActive(t, "the token", c.get(t).AccessToken)
	})
}

// serves opens the browser for a worker until that ends.
func (p *person) serves(w *process) {
	for {
		select {
		case address := <-w.reached:
			_ = p.open(p.t.Context(), string(address.At))
			continue
		case <-w.ended:
		}
		select {
		case address := <-w.reached: // just before
			_ = p.open(p.t.Context(), string(address.At))
		default:
		}
		return
	}
}
