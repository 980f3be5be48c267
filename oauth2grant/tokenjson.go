package oauth2grant

import (
	"encoding/json"
	"errors"
	"maps"
	"strconv"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

// tokenJSON has the field names of RFC 6749 §5.1, the two of
// golang.org/x/oauth2 and two of our own.
type tokenJSON struct {
	AccessToken  string     `json:"access_token"`
	TokenType    string     `json:"token_type,omitempty"`
	RefreshToken string     `json:"refresh_token,omitempty"`
	IDToken      string     `json:"id_token,omitempty"`
	Scope        string     `json:"scope,omitempty"`
	Expiry       *time.Time `json:"expiry,omitempty"`
	ExpiresIn    int64      `json:"expires_in,omitempty"`

	RefreshExpiry *time.Time      `json:"refresh_expiry,omitempty"`
	Meta          json.RawMessage `json:"oauth2grant,omitempty"`
}

// MarshalJSON writes t in clear, with every extra member beside the fields.
func (t Token) MarshalJSON() ([]byte, error) {
	known := tokenJSON{
		AccessToken: t.AccessToken, TokenType: t.TokenType, RefreshToken: t.RefreshToken, IDToken: t.IDToken,
		Scope: t.Scope, ExpiresIn: int64(t.lifetime / time.Second),
	}
	if !t.Expiry.IsZero() {
		known.Expiry = &t.Expiry
	}
	if !t.refreshEnd.IsZero() {
		known.RefreshExpiry = &t.refreshEnd
	}
	if m := t.readMeta(); m != (meta{}) {
		raw, err := m.json()
		if err != nil {
			return nil, err
		}
		known.Meta = raw
	}
	if t.extra == "" {
		return json.Marshal(known)
	}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(t.extra), &all); err != nil {
		return nil, err
	}
	fields, err := json.Marshal(known)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(fields, &all); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

var errNotToken = errors.New("oauth2grant: this is not the JSON of a token")

// UnmarshalJSON reads what [Token.MarshalJSON] wrote, the answer of a server as
// it came, or what another library stored: a time of expiry by any of the names
// and in any of the forms that these have for it. A lifetime without a time
// from which it counts makes a token that has expired. Members that it does not
// know are kept for [Token.Extra].
func (t *Token) UnmarshalJSON(data []byte) error {
	m, err := wire.ReadMembers(data)
	if err != nil {
		return errNotToken // the cause may quote a secret
	}
	m = likeOurs(m)
	for _, name := range []string{"access_token", "refresh_token"} {
		if m.Has(name) && m.Text(name) == "" && string(m[name]) != `""` {
			return errNotToken
		}
	}
	*t = Token{
		AccessToken: m.Text("access_token"), TokenType: m.Text("token_type"), RefreshToken: m.Text("refresh_token"),
		IDToken: m.Text("id_token"), Scope: m.Words("scope"), lifetime: saneLifetime(m.Seconds("expires_in")),
		Expiry: storedExpiry(m), refreshAfter: saneLifetime(m.Seconds("refresh_in")),
		refreshEnd: writable(m.Time("refresh_expiry")),
		extra:      m.Rest(wire.TokenMembers...),
	}
	*t = t.withMeta(metaOf(m[metaMember]))
	return nil
}

// longAgo is the expiry of a token of which nobody knows when it was issued.
var longAgo = time.Unix(0, 0).UTC()

// storedExpiry returns when a stored token ends, the zero time where nothing is
// said of it.
func storedExpiry(m wire.Members) time.Time {
	for _, name := range wire.ExpiryNames {
		if t := writable(m.Time(name)); !t.IsZero() {
			return t
		}
		if word := m.Word(name); word != "" && !saysNothing(word) {
			return longAgo
		}
	}
	lifetime := saneLifetime(m.Seconds("expires_in"))
	if lifetime == 0 {
		return time.Time{}
	}
	for _, name := range []string{"created_at", "issued_at"} {
		if t := writable(m.Time(name)); !t.IsZero() {
			return t.Add(lifetime)
		}
	}
	return longAgo
}

// writable returns t, in UTC, or the zero time where JSON cannot say it, or it
// is the zero time of another language.
func writable(t time.Time) time.Time {
	if t = wall(t); t.Year() <= 1 || t.Year() > 9990 {
		return time.Time{}
	}
	return t
}

// saysNothing reports whether a time is one that programs write for none.
func saysNothing(word string) bool {
	if n, err := strconv.ParseFloat(word, 64); err == nil {
		return n <= 0
	}
	t, err := time.Parse(time.RFC3339, word)
	return err == nil && writable(t).IsZero()
}

// likeOurs returns the members of a token with the names that we have for them.
func likeOurs(m wire.Members) wire.Members {
	rename := func(in wire.Members, names map[string]string) wire.Members {
		renamed := maps.Clone(in)
		for theirs, ours := range names {
			if raw, ok := in[theirs]; ok {
				delete(renamed, theirs)
				renamed[ours] = raw
			}
		}
		return renamed
	}
	switch {
	case m.Has("access_token"), m.Has("refresh_token") && !m.Has("token"):
		return m
	case m.Has("accessToken"): // AWS SSO, the Azure CLI
		return rename(m, map[string]string{
			"accessToken": "access_token", "refreshToken": "refresh_token", "tokenType": "token_type",
			"idToken": "id_token", "scopes": "scope",
		})
	case m.Text("token") != "": // Google's libraries
		return rename(m, map[string]string{"token": "access_token", "scopes": "scope"})
	case m.Object("credential").Has("access_token"): // gcloud
		return m.Object("credential")
	case len(m.Object("AccessToken")) == 1: // MSAL, with one account
		cached := wire.Members{}
		for entry := range m.Object("AccessToken") {
			cached = rename(m.Object("AccessToken").Object(entry),
				map[string]string{"secret": "access_token", "target": "scope"})
		}
		for entry := range m.Object("RefreshToken") {
			cached["refresh_token"] = m.Object("RefreshToken").Object(entry)["secret"]
		}
		return cached
	}
	return m
}
