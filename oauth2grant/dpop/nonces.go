package dpop

import "sync"

const (
	mostOrigins  = 64
	longestNonce = 1024 // bytes; a longer one would only bloat every request
)

// nonces are those that servers want in the next proofs (RFC 9449 §8, §9).
type nonces struct {
	mu    sync.Mutex
	known map[string]*nonce // by origin; guarded by mu
	clock uint64            // counts uses; guarded by mu
}

type nonce struct {
	value string
	used  uint64 // when, on the clock
}

func (n *nonces) of(origin string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	k := n.known[origin]
	if k == nil {
		return ""
	}
	n.clock++
	k.used = n.clock
	return k.value
}

// learn notes a nonce, in place of the one that was not used for longest if
// there are too many.
func (n *nonces) learn(origin, value string) {
	if !isNonce(value) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.clock++
	if k := n.known[origin]; k != nil {
		k.value, k.used = value, n.clock
		return
	}
	if n.known == nil {
		n.known = map[string]*nonce{}
	}
	if len(n.known) >= mostOrigins {
		n.forgetLocked()
	}
	n.known[origin] = &nonce{value, n.clock}
}

func (n *nonces) forgetLocked() {
	oldest, at := "", n.clock
	for origin, k := range n.known {
		if k.used <= at {
			oldest, at = origin, k.used
		}
	}
	delete(n.known, oldest)
}

// isNonce reports whether s is a nonce by RFC 9449 §8.1.
func isNonce(s string) bool {
	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' || s[i] == '"' || s[i] == '\\' {
			return false
		}
	}
	return s != "" && len(s) <= longestNonce
}
