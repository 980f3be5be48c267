package granttest

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// chaos has some requests fail at random.
type chaos struct {
	random *rand.Rand
	share  float64
	faults []Fault
}

// Chaos makes a share of the requests to e, from 0 to 1, take one of faults
// each, from now on, at random. It stands behind the script and before
// [Server.Break], and ends with [Server.Heal]. Equal seeds make equal choices
// in the order in which requests arrive. Without faults it takes [Weather].
func (s *Server) Chaos(e Endpoint, seed uint64, share float64, faults ...Fault) {
	if len(faults) == 0 {
		faults = Weather()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chaos[e] = chaos{rand.New(rand.NewPCG(seed, seed)), share, slices.Clone(faults)}
}

// Weather returns what a token endpoint on the internet does now and then: it
// is overloaded, asks for patience, answers by a page of the proxy before it,
// is slow, or cuts the connection, before the request is processed, after that,
// or within the answer. CutAfter and CutWithin lose a refresh token that was
// rotated; [Config.Grace] is how servers mend that.
func Weather() []Fault {
	return []Fault{
		{Status: http.StatusServiceUnavailable},
		RetryAfter(http.StatusTooManyRequests, 2*time.Second),
		HTML(http.StatusBadGateway),
		{Delay: 3 * time.Second},
		{Cut: CutBefore},
		{Cut: CutAfter},
		{Cut: CutWithin},
	}
}

// next returns the fault of the next request, and whether it takes one.
func (c chaos) next() (Fault, bool) {
	if c.random == nil || c.random.Float64() >= c.share {
		return Fault{}, false
	}
	return c.faults[c.random.IntN(len(c.faults))], true
}

// SetSecret changes the secret of a client from now on, as an operator does who
// rotates it; what was issued stays good. An empty one makes the client public.
// It panics when there is no such client.
func (s *Server) SetSecret(clientID, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.cfg.Clients, func(c Client) bool { return c.ID == clientID })
	if i < 0 {
		panic("granttest: SetSecret: no client " + clientID)
	}
	s.cfg.Clients[i].Secret = secret
}
