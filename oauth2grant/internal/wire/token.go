package wire

import (
	"encoding/json"
	"errors"
	"time"
)

// Token is a token answer (RFC 6749 §5.1) as it came.
type Token struct {
	AccessToken, TokenType, RefreshToken, IDToken string

	Scope     string
	HasScope  bool      // the server said something of the scope
	ExpiresIn int64     // seconds; zero: unknown
	Expires   time.Time // where ExpiresIn is unknown, and the server says it so; else zero
	Date      time.Time // of the answer, by the server's clock; zero: unknown
	Extra     string    // every other member, as one JSON object; empty: none

	RefreshIn        int64 // seconds after which the server wants a refresh; zero: unknown
	RefreshExpiresIn int64 // seconds that the refresh token lives; zero: unknown
}

var (
	errNoAccessToken = errors.New("the answer has no access token")
	errNoHeader      = errors.New("the access token does not fit into a header")
)

// ExpiryNames are the names under which servers and programs say when a token
// ends.
var ExpiryNames = []string{
	"expiry", "expires_at", "expires_on", "expiration", "expiresAt", "expiresOn", "token_expiry",
}

// Expiry returns when a token ends, by the first of ExpiryNames that says so;
// the zero time where none does.
func (m Members) Expiry() time.Time {
	for _, name := range ExpiryNames {
		if t := m.Time(name); !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// TokenMembers are the members of a token that are no extra ones: those of RFC
// 6749 §5.1, the times of expiry, and what only a stored token has.
var TokenMembers = append([]string{
	"access_token", "token_type", "refresh_token", "id_token", "scope", "expires_in", "refresh_expiry", "oauth2grant",
}, ExpiryNames...)

// refreshLifetimes are the names that servers have for the lifetime of a
// refresh token.
var refreshLifetimes = []string{
	"refresh_expires_in", "refresh_token_expires_in", "refresh_token_timeout", "authorization_expires_in",
	"x_refresh_token_expires_in",
}

// RefreshLifetime returns the seconds that a refresh token lives, by any of the
// names that servers have for it; zero where none says so.
func (m Members) RefreshLifetime() int64 {
	for _, name := range refreshLifetimes {
		if n := m.Seconds(name); n > 0 {
			return n
		}
	}
	return 0
}

// ReadToken reads the answer to a token request.
func ReadToken(a Answer) (Token, *Failure) {
	m, failure := ReadAnswer(a)
	if failure != nil {
		return Token{}, failure
	}
	t := Token{
		AccessToken: m.Text("access_token"), TokenType: m.Text("token_type"), RefreshToken: m.Text("refresh_token"),
		IDToken: m.Text("id_token"), Scope: m.Words("scope"), HasScope: m.Has("scope"),
		ExpiresIn: m.Seconds("expires_in"),
		RefreshIn: m.Seconds("refresh_in"), RefreshExpiresIn: m.RefreshLifetime(),
		Extra: m.Rest(TokenMembers...),
	}
	if n := m.Seconds("expires_in_sec"); n > 0 {
		t.ExpiresIn = n // beside it, expires_in is in milliseconds
	}
	if t.ExpiresIn == 0 && !m.Has("expires_in") {
		t.ExpiresIn = m.Seconds("expires") // of forms, before RFC 6749
	}
	if t.ExpiresIn == 0 {
		t.Expires = m.Expiry()
	}
	if date, ok := ServerNow(a.Header); ok {
		t.Date = date
	}
	switch {
	case t.AccessToken == "":
		f := &Failure{Status: a.Status}
		if f.readWords(m); !f.Said {
			f.Cause = errNoAccessToken
		}
		f.scrub(a.sent)
		return Token{}, f
	case !HeaderSafe(t.AccessToken):
		return Token{}, &Failure{Status: a.Status, Cause: errNoHeader}
	}
	return t, nil
}

// HeaderSafe reports whether s can stand in a header: RFC 6750 §2.1 allows
// less, some servers send more.
func HeaderSafe(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// ReadAnswer reads the members of an answer with a status of success, unless it
// is an error all the same.
func ReadAnswer(a Answer) (Members, *Failure) {
	m, err := readMembers(a.Body, false)
	if err != nil {
		f := &Failure{Status: a.Status, Cause: err, Description: prose(a.Body)}
		f.scrub(a.sent)
		return nil, f
	}
	f := &Failure{Status: a.Status, RetryAfter: retryAfter(a.Header)}
	if f.readError(m, true); f.Said {
		f.scrub(a.sent)
		return nil, f
	}
	return m, nil
}

// ReadObject decodes any other answer into out; a form becomes an object of
// strings.
func ReadObject(a Answer, out any) *Failure {
	m, failure := ReadAnswer(a)
	if failure != nil || out == nil {
		return failure
	}
	object, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(object, out)
	}
	if err != nil {
		return &Failure{Status: a.Status, Cause: errors.New("the answer is not the JSON expected")}
	}
	return nil
}
