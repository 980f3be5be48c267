package oauth2grant

import "net/url"

// Severity tells the tests how an error is classed.
func Severity(e *Error) string {
	return map[severity]string{transient: "transient", unclear: "unclear", refusal: "refusal"}[e.severity()]
}

// Refuse makes an error that is our own word.
func Refuse(format string, args ...any) *Error { return refuse("test", format, args...) }

// MostPastes is how often a person is asked to paste.
const MostPastes = mostPastes

// CheckRedirectURI is checkRedirectURI.
func CheckRedirectURI(raw string, insecure bool) error { return checkRedirectURI(raw, insecure) }

// ReadPasted is readPasted with its result taken apart.
func ReadPasted(text string) (response url.Values, code string, err error) {
	a, err := readPasted(text)
	return a.response, a.code, err
}

// Failed makes an error of an answer that could not be used.
func Failed(status int, cause error) *Error {
	return &Error{Op: "test", StatusCode: status, cause: cause}
}
