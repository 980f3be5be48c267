package oauth2grant

import (
	"fmt"
	"net/http"
	"time"
)

// clockTolerance is how far a clock may be off before it is worth a word.
// Assertions and proofs are rarely good for more than a minute.
const clockTolerance = 30 * time.Second

// withClockHint adds to an error, where a wrong clock may be its reason, how
// far this machine's clock is from that of the server.
func withClockHint(e *Error, h http.Header) *Error {
	switch e.Code {
	case InvalidClient, InvalidGrant, InvalidDPoPProof:
	default:
		return e
	}
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return e
	}
	off := clockNow().Round(0).Sub(date).Round(time.Second)
	switch {
	case off > clockTolerance:
		e.hint = fmt.Sprintf("this machine's clock is %s ahead of the server's: set it", off)
	case off < -clockTolerance:
		e.hint = fmt.Sprintf("this machine's clock is %s behind the server's: set it", -off)
	}
	return e
}
