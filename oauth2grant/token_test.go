package oauth2grant_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

const tokenDocument = `{"access_token":"A","token_type":"bearer","refresh_token":"R","id_token":"I",
	"scope":"read write","expiry":"2030-01-02T03:04:05.000000006+02:00","expires_in":3600,
	"account":{"id":12345678901234567890},"flag":true}`

func readToken(t *testing.T, document string) oauth2grant.Token {
	t.Helper()
	var token oauth2grant.Token
	if err := json.Unmarshal([]byte(document), &token); err != nil {
		t.Fatal(err)
	}
	return token
}

func writeToken(t *testing.T, token oauth2grant.Token) string {
	t.Helper()
	text, err := json.Marshal(token)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestToken_IsTheSameAfterJSON(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	srv.Break(granttest.Token, granttest.Fault{
		Edit: func(a map[string]any) { a["tenant"], a["id_token"] = "<north>", "I" },
	})
	issued, err := newClient(t, configFor(srv)).RequestToken(t.Context(),
		map[string][]string{"grant_type": {"client_credentials"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]oauth2grant.Token{
		"one that a server issued":       issued,
		"one that was read from a store": readToken(t, tokenDocument),
		"one of unknown lifetime":        {AccessToken: "A"},
		"one that is only to refresh":    {RefreshToken: "R"},
		"none":                           {},
	} {
		t.Run(name, func(t *testing.T) {
			if again := readToken(t, writeToken(t, token)); again != token {
				t.Errorf("differs after JSON:\n%s\n%s", writeToken(t, token), writeToken(t, again))
			}
		})
	}
}

func TestToken_ExtraKnowsEveryOtherMemberAlsoAfterJSON(t *testing.T) {
	token := readToken(t, writeToken(t, readToken(t, tokenDocument)))
	var account struct{ ID json.Number }
	if found, err := token.Extra("account", &account); !found || err != nil || account.ID != "12345678901234567890" {
		t.Errorf("account: %v %v %v", found, err, account)
	}
	var number int
	var wrongType *json.UnmarshalTypeError
	if found, err := token.Extra("flag", &number); !found || !errors.As(err, &wrongType) {
		t.Errorf("a member of another type: %v %v", found, err)
	}
	for _, name := range []string{"access_token", "none"} {
		if found, err := token.Extra(name, &number); found || err != nil {
			t.Errorf("%s: %v %v", name, found, err)
		}
	}
	if found, err := (oauth2grant.Token{}).Extra("account", &account); found || err != nil {
		t.Errorf("no token: %v %v", found, err)
	}
}

// otherToken has the field names that golang.org/x/oauth2 documents for its
// Token.
type otherToken struct {
	AccessToken  string    `json:"access_token"`
	TokenType    string    `json:"token_type,omitempty"`
	RefreshToken string    `json:"refresh_token,omitempty"`
	Expiry       time.Time `json:"expiry,omitempty"`
	ExpiresIn    int64     `json:"expires_in,omitempty"`
}

// Milliseconds taken for seconds, and what .NET writes for never.
func TestToken_ThatEndsAfterAllTimeIsSaved(t *testing.T) {
	never := time.Date(9999, 12, 31, 23, 59, 59, 999999900, time.UTC)
	for _, end := range []time.Time{time.Unix(time.Now().UnixMilli(), 0), never} {
		for from, take := range map[string]func(w world, far oauth2grant.Token) *oauth2grant.Grant{
			"SetToken": func(w world, far oauth2grant.Token) *oauth2grant.Grant {
				g := newGrant(w.T, oauth2grant.RefreshOnly{}, w.config())
				if err := g.SetToken(w.Context(), far); err != nil {
					w.Error(err)
				}
				return g
			},
			"the seed": func(w world, far oauth2grant.Token) *oauth2grant.Grant {
				cfg := w.config()
				cfg.Token = far
				return newGrant(w.T, oauth2grant.RefreshOnly{}, cfg)
			},
			"a flow": func(w world, far oauth2grant.Token) *oauth2grant.Grant {
				return newGrant(w.T, flow{run: func(context.Context, *oauth2grant.Client) (oauth2grant.Token, error) {
					return far, nil
				}}, w.config())
			},
		} {
			t.Run(from+" "+end.UTC().Format("2006"), func(t *testing.T) {
				inWorld(t, granttest.Config{}, func(w world) {
					far := w.issued()
					far.Expiry = end
					got := w.token(take(w, far))
					if got.AccessToken != far.AccessToken || !got.Expiry.IsZero() {
						w.Errorf("got %s", got)
					}
					saved := w.b.get()
					if _, err := json.Marshal(saved); err != nil || saved.AccessToken != far.AccessToken {
						w.Errorf("saved: %s, %v", saved, err)
					}
				})
			})
		}
	}
}

func TestToken_JSONIsInterchangeableWithThatOfXOAuth2(t *testing.T) {
	expiry := time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)
	for name, other := range map[string]otherToken{
		"with everything":    {"A", "Bearer", "R", expiry, 3600},
		"without an expiry":  {AccessToken: "A", TokenType: "Bearer"},
		"in another zone":    {AccessToken: "A", Expiry: expiry.In(time.FixedZone("", 3600))},
		"without a lifetime": {AccessToken: "A", RefreshToken: "R", Expiry: expiry},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(other)
			if err != nil {
				t.Fatal(err)
			}
			ours := readToken(t, string(text))
			want := oauth2grant.Token{
				AccessToken: other.AccessToken, TokenType: other.TokenType, RefreshToken: other.RefreshToken,
			}
			if !other.Expiry.IsZero() {
				want.Expiry = expiry
			}
			if got := (oauth2grant.Token{
				AccessToken: ours.AccessToken, TokenType: ours.TokenType, RefreshToken: ours.RefreshToken,
				Expiry: ours.Expiry,
			}); got != want {
				t.Errorf("read %s", writeToken(t, ours))
			}
			var back otherToken
			if err := json.Unmarshal([]byte(writeToken(t, ours)), &back); err != nil {
				t.Fatal(err)
			}
			other.Expiry = other.Expiry.UTC()
			if !reflect.DeepEqual(back, other) {
				t.Errorf("written %+v, want %+v", back, other)
			}
		})
	}
}

func TestToken_RefusesWhatIsNoTokenWithoutQuotingIt(t *testing.T) {
	for _, document := range []string{
		`{"access_token":`, `["SECRET"]`, `"SECRET"`, `{"access_token":{"SECRET":1}}`, `{"access_token":["SECRET"]}`,
		`{"refresh_token":{"SECRET":1}}`, `{"access_token":7}`, `{"access_token":"SECRET"`, `access_token=SECRET`, ``,
	} {
		token := oauth2grant.Token{AccessToken: "kept"}
		err := json.Unmarshal([]byte(document), &token)
		if err == nil || token.AccessToken != "kept" ||
			(strings.HasPrefix(document, "{\"") && strings.Contains(err.Error(), "SECRET")) {
			t.Errorf("%s: error %v, token %v", document, err, token)
		}
	}
}

func TestToken_IsActiveUntilItExpires(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		token oauth2grant.Token
		want  bool
	}{
		"none is not":                {oauth2grant.Token{}, false},
		"one only to refresh is not": {oauth2grant.Token{RefreshToken: "R"}, false},
		"one of unknown lifetime is": {oauth2grant.Token{AccessToken: "A"}, true},
		"one that expires a nanosecond later is": {
			oauth2grant.Token{AccessToken: "A", Expiry: now.Round(0).Add(1)}, true,
		},
		"one is not at the moment of its expiry": {
			oauth2grant.Token{AccessToken: "A", Expiry: now.Round(0)}, false,
		},
		"one is not after its expiry, in any zone": {
			oauth2grant.Token{AccessToken: "A", Expiry: now.Add(-1).UTC()}, false,
		},
		"one is by the wall clock, not the monotonic": {
			oauth2grant.Token{AccessToken: "A", Expiry: now.Add(time.Second).Round(0)}, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.token.Active(now); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestToken_ScopesAreTheWordsOfScope(t *testing.T) {
	if got := (oauth2grant.Token{Scope: " a  b "}).Scopes(); !reflect.DeepEqual(got, []string{"a", "b"}) {
		t.Errorf("got %q", got)
	}
	if got := (oauth2grant.Token{}).Scopes(); len(got) != 0 {
		t.Errorf("got %q", got)
	}
}

// verbs are all that fmt prints with. %p and %w, misused on something that is
// neither a pointer nor an error, print every field past all methods.
var verbs = []string{
	"%v", "%+v", "%#v", "%s", "%q", "%+q", "%#q", "%x", "%X", "% x", "%#x", "%d", "%+d", "%t", "%b", "%o", "%O", "%c",
	"%U", "%#U", "%e", "%f", "%g", "%T", "%20v", "%-20s", "%.3s", "%z", "%!",
}

// prints returns all that fmt makes of a value, and of what it may be put into.
func prints(value any) string {
	var b strings.Builder
	for _, verb := range verbs {
		for _, v := range []any{
			value,
			struct{ V any }{value},
			&struct{ V any }{value},
			[]any{value},
			[1]any{value},
			map[string]any{"k": value},
			map[int][]any{1: {value}},
			struct{ S []struct{ V any } }{[]struct{ V any }{{value}}},
		} {
			fmt.Fprintf(&b, verb+"\n", v)
		}
	}
	fmt.Fprintln(&b, value)
	fmt.Fprint(&b, value, value)
	tooMany := "too many"
	fmt.Fprintf(&b, tooMany, value) //nolint:staticcheck // on purpose
	return b.String()
}

func TestToken_ShowsNoSecretWhateverTheVerb(t *testing.T) {
	token := readToken(t,
		`{"access_token":"SECRET-a","refresh_token":"SECRET-r","id_token":"SECRET-i","token_type":"Bearer",`+
			`"extra":"SECRET-x"}`)
	var none *oauth2grant.Token
	for name, value := range map[string]any{
		"a value":            token,
		"a pointer":          &token,
		"an exported field":  struct{ Token oauth2grant.Token }{token},
		"a pointer in one":   struct{ Token *oauth2grant.Token }{&token},
		"an embedded one":    struct{ oauth2grant.Token }{token},
		"a slice":            []oauth2grant.Token{token},
		"a slice of pointer": []*oauth2grant.Token{&token},
		"an array":           [2]oauth2grant.Token{token, token},
		"a value of a map":   map[string]oauth2grant.Token{"k": token},
		"a key of a map":     map[oauth2grant.Token]int{token: 1},
		"a nil pointer":      none,
	} {
		t.Run(name, func(t *testing.T) {
			text := prints(value)
			for _, secret := range []string{
				"SECRET", fmt.Sprintf("%x", "SECRET"), fmt.Sprintf("%X", "SECRET"), fmt.Sprintf("% x", "SECRET"),
				"83 69 67 82 69 84",
			} {
				if strings.Contains(text, secret) {
					t.Errorf("shows %q in:\n%s", secret, text)
				}
			}
		})
	}
}

func TestToken_ShowsNoSecretToSlog(t *testing.T) {
	token := oauth2grant.Token{AccessToken: "SECRET-a", RefreshToken: "SECRET-r", IDToken: "SECRET-i"}
	var out bytes.Buffer
	text := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	asJSON := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for _, log := range []*slog.Logger{text, asJSON} {
		log.Debug("t", "value", token, "pointer", &token, slog.Group("g", "value", token))
		log.With("value", token).Info("t")
	}
	text.Info("t", "holder", struct{ T oauth2grant.Token }{token}, "list", []oauth2grant.Token{token})
	if strings.Contains(out.String(), "SECRET") {
		t.Error(out.String())
	}
	if strings.Count(out.String(), "redacted") == 0 {
		t.Error("nothing was logged")
	}
}
