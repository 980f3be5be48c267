package wire

import (
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Failure is an error answer, or the lack of a usable one.
type Failure struct {
	Status      int           // of HTTP; zero: none came
	Code        string        // of the answer; empty: none that could be read
	Description string        // in the server's own words, fit for a log line
	URI         string        // where the server explains it
	Extra       string        // every other member of the answer, as one JSON object
	RetryAfter  time.Duration // what the server asked for; zero: nothing
	Interval    int64         // seconds between polls of a device (RFC 8628 §3.5); zero: nothing said
	Cause       error         // why no usable answer came
	Said        bool          // the answer is an error, in a form that programs read
	Cut         bool          // no answer came whole
	Own         bool          // the request could not even be made
	Unprocessed bool          // the server provably did nothing
	NotSent     bool          // the body of the request was never read, and so provably not sent
}

// ReadFailure reads an answer that is not a success.
func ReadFailure(a Answer) *Failure {
	f := &Failure{Status: a.Status, RetryAfter: retryAfter(a.Header)}
	if m, err := readMembers(a.Body, true); err == nil {
		f.readError(m, false)
	}
	if !f.Said {
		f.Description = prose(a.Body)
	}
	f.Unprocessed = a.Status == http.StatusTooManyRequests || a.Status == http.StatusServiceUnavailable
	f.scrub(a.sent)
	return f
}

// retryAfter reads RFC 9110 §10.2.3: seconds, or a date, which is by the clock
// of the server.
func retryAfter(h http.Header) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, ok := ServerNow(h)
	if !ok {
		now = time.Now()
	}
	return max(0, until.Sub(now))
}

// ServerNow returns the Date of an answer (RFC 9110 §6.6.1), and reports
// whether there is one from a clock that was ever set.
func ServerNow(h http.Header) (time.Time, bool) {
	date, err := http.ParseTime(h.Get("Date"))
	return date, err == nil && date.Year() > 1970
}

// longest bounds what is kept of a server's prose, in bytes.
const longest = 500

// isCode reports whether s looks like the error code of a specification, and
// not like prose.
func isCode(s string) bool {
	for _, r := range s {
		if r <= ' ' || r > '~' || r == '"' || r == '\\' {
			return false
		}
	}
	return s != "" && len(s) <= 100
}

func printable(r rune) rune {
	if !unicode.IsPrint(r) {
		return ' '
	}
	return r
}
