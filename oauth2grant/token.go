package oauth2grant

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unique"
)

// Token is what an authorization server issued (RFC 6749 §5.1). It is an
// immutable, comparable value: copy it, compare it with ==, share it between
// goroutines. The zero Token is no token.
//
// A Token shows no secret when it is given to fmt or slog; only %p and %w,
// which go vet refuses for it, get past that. Its JSON form is for stores and
// is in clear: encoding/json, and so slog's JSON handler on a value that
// contains a Token, shows it. The JSON is interchangeable with that of
// golang.org/x/oauth2, and what other libraries store is read for what it says.
type Token struct {
	AccessToken string
	// TokenType is as the server spelled it: "Bearer" or "DPoP", in any case,
	// unless [Config].Scheme permits others.
	TokenType string
	// RefreshToken is empty if there is none.
	RefreshToken string
	// IDToken is that of OpenID Connect, as it came: validate it before
	// trusting it.
	IDToken string
	// Scope has the granted scopes, separated by spaces; those requested where
	// the server said nothing.
	Scope string
	// Expiry is when the access token ends, by the wall clock; zero if unknown.
	// A grant takes a time after the year 9990, near which those of JSON end,
	// for unknown.
	Expiry time.Time

	lifetime     time.Duration // as the server gave it in expires_in; zero if unknown
	refreshAfter time.Duration // as the server gave it in refresh_in; zero if unknown
	refreshEnd   time.Time     // when the refresh token ends; zero if unknown
	extra        string        // every other member of the response, as one JSON object; empty: none

	meta unique.Handle[meta] // what a stored token carries besides; see meta.go
}

// Scopes returns the granted scopes one by one; nil if they are unknown.
func (t Token) Scopes() []string { return strings.Fields(t.Scope) }

// Active reports whether t is an access token that has not expired at now. One
// of unknown lifetime never expires by the clock.
func (t Token) Active(now time.Time) bool {
	return t.AccessToken != "" && (t.Expiry.IsZero() || now.Round(0).Before(t.Expiry))
}

// Extra decodes the member name of the server's response into out and reports
// whether there is one. It knows every member that has no field in Token, also
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
	for _, secret := range []struct{ name, value string }{
		{"access", t.AccessToken}, {"refresh", t.RefreshToken}, {"id", t.IDToken},
	} {
		if secret.value != "" {
			b.WriteString(", " + secret.name + " [redacted]")
		}
	}
	b.WriteByte('}')
	return b.String()
}

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (t Token) Format(f fmt.State, _ rune) { formatRedacted(f, t.String()) }

// LogValue implements [slog.LogValuer], so that no handler shows a secret of a
// Token given to it.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// formatRedacted writes the text that stands for a value with secrets, whatever
// the verb and its flags.
func formatRedacted(f fmt.State, text string) { _, _ = f.Write([]byte(text)) }

// hidden is a text that fmt does not read, even in an unexported field of
// somebody's struct, on which it calls no method. The zero value is empty.
type hidden struct{ text *string }

func hide(text string) hidden {
	if text == "" {
		return hidden{}
	}
	return hidden{&text}
}

func (h hidden) reveal() string {
	if h.text == nil {
		return ""
	}
	return *h.text
}

// defaultType returns t as if it had been made here: complete, comparable, and
// such that it can be saved.
func defaultType(t Token) Token {
	if t.TokenType == "" {
		t.TokenType = schemeBearer
	}
	t.Expiry = writable(t.Expiry)
	return t
}
