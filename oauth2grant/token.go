package oauth2grant

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"time"
)

// Token is what an authorization server issued (RFC 6749 §5.1). It is an immutable, comparable value: copy it, compare it with ==, share it between
// goroutines. The zero Token is no token.
//
// A Token shows no secret when it is given to fmt or slog; only %p and %w, which go vet refuses for it, get past that. Its JSON form is for stores and is in
// clear: encoding/json, and so slog's JSON handler on a value that contains a Token, shows it. The JSON is interchangeable with that of golang.org/x/oauth2.
type Token struct {
	AccessToken  string
	TokenType    string    // as the server spelt it; "Bearer" or "DPoP" in any case
	RefreshToken string    // empty: none
	IDToken      string    // of OpenID Connect, kept as it came: validate it before trusting it
	Scope        string    // granted, separated by spaces; as requested where the server said nothing
	Expiry       time.Time // wall clock; zero if unknown

	lifetime time.Duration // as the server gave it in expires_in; zero if unknown
	extra    string        // every other member of the response, as one JSON object; empty: none
	meta     string        // what a stored token carries besides, as compact JSON; empty: nothing. See meta.go
}

// Scopes gives the granted scopes one by one; nil if they are unknown.
func (t Token) Scopes() []string { return strings.Fields(t.Scope) }

// Active tells whether t is an access token that has not expired at now. One of unknown lifetime never expires by the clock.
func (t Token) Active(now time.Time) bool {
	return t.AccessToken != "" && (t.Expiry.IsZero() || now.Round(0).Before(t.Expiry))
}

// Extra decodes the member name of the server's response into out and tells whether there is one. It knows every member that has no field in Token, also
// after t has been through JSON. The error is that of encoding/json.
func (t Token) Extra(name string, out any) (bool, error) { return member(t.extra, name, out) }

// member decodes one member of a JSON object that is kept as text.
func member(object, name string, out any) (bool, error) {
	if object == "" {
		return false, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		return false, err
	}
	raw, ok := members[name]
	if !ok {
		return false, nil
	}
	return true, json.Unmarshal(raw, out)
}

// tokenJSON has the field names of RFC 6749 §5.1 and the two of golang.org/x/oauth2.
type tokenJSON struct {
	AccessToken  string     `json:"access_token"`
	TokenType    string     `json:"token_type,omitempty"`
	RefreshToken string     `json:"refresh_token,omitempty"`
	IDToken      string     `json:"id_token,omitempty"`
	Scope        string     `json:"scope,omitempty"`
	Expiry       *time.Time `json:"expiry,omitempty"`
	ExpiresIn    int64      `json:"expires_in,omitempty"`

	Meta json.RawMessage `json:"oauth2grant,omitempty"`
}

var tokenMembers = []string{"access_token", "token_type", "refresh_token", "id_token", "scope", "expiry", "expires_in", metaMember}

// MarshalJSON writes t in clear, with every extra member beside the fields.
func (t Token) MarshalJSON() ([]byte, error) {
	known := tokenJSON{
		AccessToken: t.AccessToken, TokenType: t.TokenType, RefreshToken: t.RefreshToken, IDToken: t.IDToken,
		Scope: t.Scope, ExpiresIn: int64(t.lifetime / time.Second),
	}
	if !t.Expiry.IsZero() {
		known.Expiry = &t.Expiry
	}
	if t.meta != "" {
		known.Meta = json.RawMessage(t.meta)
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

// UnmarshalJSON reads what MarshalJSON, or golang.org/x/oauth2, wrote. Members it does not know are kept for Extra.
func (t *Token) UnmarshalJSON(data []byte) error {
	var known tokenJSON
	all := map[string]json.RawMessage{}
	if err := errors.Join(json.Unmarshal(data, &known), json.Unmarshal(data, &all)); err != nil {
		return errNotToken // the cause may quote a secret
	}
	read := Token{
		AccessToken: known.AccessToken, TokenType: known.TokenType, RefreshToken: known.RefreshToken, IDToken: known.IDToken,
		Scope: known.Scope, lifetime: saneLifetime(known.ExpiresIn), meta: compactMeta(known.Meta),
	}
	if known.Expiry != nil && !known.Expiry.IsZero() {
		if read.Expiry = wall(*known.Expiry); read.Expiry.Year() < 0 || read.Expiry.Year() > 9999 {
			return errNotToken // in UTC it can't be written
		}
	}
	maps.DeleteFunc(all, func(name string, _ json.RawMessage) bool {
		for _, m := range tokenMembers {
			if strings.EqualFold(m, name) { // as encoding/json matched it
				return true
			}
		}
		return false
	})
	if len(all) > 0 {
		extra, err := json.Marshal(all)
		if err != nil {
			return err
		}
		read.extra = string(extra)
	}
	*t = read
	return nil
}

// saneLifetime reads expires_in: what is not positive, or beyond ten years, says nothing.
func saneLifetime(seconds int64) time.Duration {
	const tenYears = 10 * 365 * 24 * 60 * 60
	if seconds <= 0 || seconds > tenYears {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// wallClock is where the time of the wall comes from, nil for time.Now; a test
// lets it jump.
var wallClock func() time.Time

// clockNow returns the time of the wall clock, with the monotonic reading.
func clockNow() time.Time {
	if wallClock != nil {
		return wallClock()
	}
	return time.Now()
}

// wallNow returns the time of the wall clock alone.
func wallNow() time.Time { return wall(clockNow()) }

// defaultType returns t as if it had been made here: complete, comparable.
func defaultType(t Token) Token {
	if t.TokenType == "" {
		t.TokenType = schemeBearer
	}
	if !t.Expiry.IsZero() {
		t.Expiry = wall(t.Expiry)
	}
	return t
}

// wall drops what makes equal times differ: the monotonic reading and the zone.
func wall(t time.Time) time.Time { return t.Round(0).UTC() }

// String describes t without its secrets.
func (t Token) String() string {
	if t == (Token{}) {
		return "Token{none}"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Token{type %q", t.TokenType)
	if t.Scope != "" {
		fmt.Fprintf(&b, ", scope %q", t.Scope)
	}
	if !t.Expiry.IsZero() {
		b.WriteString(", expiry " + t.Expiry.Format(time.RFC3339))
	}
	for _, secret := range []struct{ name, value string }{{"access", t.AccessToken}, {"refresh", t.RefreshToken}, {"id", t.IDToken}} {
		if secret.value != "" {
			b.WriteString(", " + secret.name + " [redacted]")
		}
	}
	b.WriteByte('}')
	return b.String()
}

// Format implements fmt.Formatter, so that no verb shows a secret.
func (t Token) Format(f fmt.State, _ rune) { formatRedacted(f, t.String()) }

// LogValue implements slog.LogValuer, so that no handler shows a secret of a Token given to it.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// formatRedacted writes the text that stands for a value with secrets, whatever the verb and its flags.
func formatRedacted(f fmt.State, text string) { _, _ = f.Write([]byte(text)) }
