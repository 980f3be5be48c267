package oauth2grant

import (
	"fmt"
	"net/http"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
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
	date, ok := wire.ServerNow(h)
	if !ok {
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
