package oauth2grant

import (
	"net/http"
	"net/url"
)

// Dialect is how a server departs from the RFCs, where the library does not
// know it already. It is asked about every request to the server but that of
// discovery. Its funcs are safe for concurrent use, and must not block.
type Dialect struct {
	// Request, if not nil, has the last word on a request: it may change its
	// header and its form, after the client was authenticated and before
	// anything is sent. It is called anew for every send. op is [OpRefresh] or
	// another of these constants; for [OpUserInfo] the form is empty, and not
	// sent.
	Request func(op string, h http.Header, form url.Values)

	// Answer, if not nil, has the first look at an answer and returns what is
	// to be read instead, such as an object within body. It must not keep or
	// change body. What it returns is read as if the server had sent it.
	Answer func(op string, status int, body []byte) []byte
}

// used reports whether d says anything.
func (d Dialect) used() bool { return d.Request != nil || d.Answer != nil }

// request returns d the last word on a request.
func (d Dialect) request(op string, h http.Header, form url.Values) {
	if d.Request != nil {
		d.Request(op, h, form)
	}
}

// rewrite returns the first look of d at an answer, nil if it has none.
func (d Dialect) rewrite(op string) func(int, []byte) []byte {
	if d.Answer == nil {
		return nil
	}
	return func(status int, body []byte) []byte { return d.Answer(op, status, body) }
}
