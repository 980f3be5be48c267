package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// figures is what was measured.
type figures struct {
	calls, refused        int
	waited                int           // calls that a renewal has held up
	tokens, tokenRequests int           // obtained by the grant; counted at the server
	firstPrepare          time.Duration // discovers the server and obtains the first token
	slowestPrepare        time.Duration // of the others
	slowestCall           time.Duration // of the API
	close                 time.Duration
	closeErr              error
}

func (f *figures) add(prepare, call time.Duration, status int) {
	if f.calls == 0 {
		f.firstPrepare = prepare
	} else {
		f.slowestPrepare = max(f.slowestPrepare, prepare)
	}
	f.slowestCall = max(f.slowestCall, call)
	f.calls++
	if status != http.StatusOK {
		f.refused++
	}
}

func (f *figures) print(w io.Writer) {
	fmt.Fprintf(w, `
API calls        %d, refused %d
token requests   %d at the server, for %d tokens
PrepareRequest   first %v, with discovery and a token request; slowest after that %v
slowest API call %v
Close            %v
`, f.calls, f.refused, f.tokenRequests, f.tokens, rounded(f.firstPrepare), rounded(f.slowestPrepare),
		rounded(f.slowestCall), rounded(f.close))
}

func rounded(d time.Duration) time.Duration {
	if d < time.Millisecond {
		return d.Round(100 * time.Nanosecond)
	}
	return d.Round(10 * time.Microsecond)
}

// judge names everything that is not as it should be.
func (f *figures) judge(renewals int) error {
	var off []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			off = append(off, fmt.Errorf(format, args...))
		}
	}
	check(f.refused == 0, "%d of %d API calls were refused", f.refused, f.calls)
	check(f.tokens > renewals, "%d renewals were wanted, there were %d", renewals, f.tokens-1)
	check(f.tokenRequests == f.tokens, "%d token requests for %d tokens", f.tokenRequests, f.tokens)
	check(f.waited == 0, "%d calls waited for a renewal", f.waited)
	check(f.close < closeLimit, "Close took %v", f.close)
	check(f.closeErr == nil, "Close: %w", f.closeErr)
	return errors.Join(off...)
}

const closeLimit = 5 * time.Second // on a busy machine
