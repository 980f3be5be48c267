package wire

import (
	"encoding/json"
	"errors"
)

// Token is a token answer (RFC 6749 §5.1) as it came.
type Token struct {
	AccessToken, TokenType, RefreshToken, IDToken string

	Scope     string
	HasScope  bool   // the server said something of the scope
	ExpiresIn int64  // seconds; zero: unknown
	Extra     string // every other member, as one JSON object; empty: none
}

var errNoAccessToken = errors.New("the answer has no access token")

// ReadToken reads the answer to a token request.
func ReadToken(a Answer) (Token, *Failure) {
	m, failure := readSuccess(a)
	if failure != nil {
		return Token{}, failure
	}
	t := Token{
		AccessToken: m.text("access_token"), TokenType: m.text("token_type"), RefreshToken: m.text("refresh_token"), IDToken: m.text("id_token"),
		Scope: m.words("scope"), ExpiresIn: m.seconds("expires_in"),
		Extra: m.rest("access_token", "token_type", "refresh_token", "id_token", "scope", "expires_in", "expiry"),
	}
	t.HasScope = m.has("scope")
	if t.AccessToken == "" {
		return Token{}, &Failure{Status: a.Status, Cause: errNoAccessToken}
	}
	if !isHeaderSafe(t.AccessToken) {
		return Token{}, &Failure{Status: a.Status, Cause: errors.New("the access token does not fit into a header")}
	}
	return t, nil
}

// isHeaderSafe tells whether s can stand in a header: RFC 6750 §2.1 allows less, some servers send more.
func isHeaderSafe(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// readSuccess reads the members of an answer with a status of success, unless it is an error all the same.
func readSuccess(a Answer) (members, *Failure) {
	m, err := readMembers(a.Body)
	if err != nil {
		return nil, &Failure{Status: a.Status, Cause: err}
	}
	failure := &Failure{Status: a.Status}
	if failure.readError(m); failure.Code != "" {
		failure.scrub(a.sent)
		return nil, failure
	}
	return m, nil
}

// ReadObject decodes any other answer into out; a form becomes an object of strings.
func ReadObject(a Answer, out any) *Failure {
	m, failure := readSuccess(a)
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
