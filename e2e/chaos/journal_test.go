package chaos

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// entry is what one party has seen or done. All of them have the same clock.
type entry struct {
	At    time.Time
	Begin time.Time // of what took its time; else At
	Who   string    // a worker, as "slot.life", or one of the other parties
	What  deed

	Key     string // of the sign-in
	Refresh string // fingerprint of a refresh token
	Next    string // that of the one that it was answered with
	Request string
	Err     string
}

type deed string

// Deeds of workers, about a sign-in.
const (
	locks      deed = "got the lock"
	unlocks    deed = "releases the lock"
	loads      deed = "loaded"
	misses     deed = "found nothing in the store"
	marks      deed = "saved a mark"
	saves      deed = "saved"
	savesNot   deed = "could not save"
	sends      deed = "sends the refresh token"
	sendsFree  deed = "sends the refresh token without the lock"
	answered   deed = "has the answer"
	unanswered deed = "got no answer"
	gives      deed = "gives its caller"
	fails      deed = "fails its caller"
	needsLogin deed = "needs a sign-in"
	leaks      deed = "leaks"
)

// Deeds of the authorization server, and of who signs in.
const (
	issues  deed = "issued"  // Next
	rotates deed = "rotated" // Refresh to Next
	revokes deed = "revoked the sign-in: a refresh token came back"
	refuses deed = "refused"
)

// Deeds of the test. What took its time is written down when it is over.
const (
	starts    deed = "is started"
	kills     deed = "is killed"
	stops     deed = "is stopped"
	endsWell  deed = "is told to end"
	troubles  deed = "is in trouble"
	failsOver deed = "fails over"
)

const (
	theStore  = "store"
	theServer = "server"
	thePerson = "person"
)

func (e entry) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %-6s %s", e.At.Format("05.000"), e.Who, e.What)
	if d := e.At.Sub(e.Begin); !e.Begin.IsZero() && d > 0 {
		fmt.Fprintf(&b, " (since %s, %v)", e.Begin.Format("05.000"), d.Round(time.Millisecond))
	}
	for _, field := range []struct{ name, value string }{
		{"key", e.Key}, {"token", e.Refresh}, {"next", e.Next}, {"request", e.Request}, {"error", e.Err},
	} {
		if field.value != "" {
			fmt.Fprintf(&b, " %s=%s", field.name, field.value)
		}
	}
	return b.String()
}

// journal is safe for concurrent use.
type journal struct {
	mu   sync.Mutex
	all  []entry
	note func(entry) // called with every one; nil: not
}

func (j *journal) add(e entry) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	if e.Begin.IsZero() {
		e.Begin = e.At
	}
	j.mu.Lock()
	j.all = append(j.all, e)
	note := j.note
	j.mu.Unlock()
	if note != nil {
		note(e)
	}
}

// listen has f called with every entry from now on.
func (j *journal) listen(f func(entry)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.note = f
}

// read returns all entries in the order of their time.
func (j *journal) read() []entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.SortedStableFunc(slices.Values(j.all), func(a, b entry) int {
		return cmp.Compare(a.At.UnixNano(), b.At.UnixNano())
	})
}

// fingerprint names a token without showing it.
func fingerprint(token string) string {
	if token == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:4])
}
