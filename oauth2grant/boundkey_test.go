package oauth2grant_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// keyed is a KeyProver whose key is its own thumbprint.
type keyed struct {
	prover
	name    string
	private bool
}

func (k *keyed) Thumbprint() string { return k.name }

func (k *keyed) PrivateKey() string {
	if !k.private {
		return ""
	}
	return `{"name":"` + k.name + `"}`
}

func (k *keyed) WithKey(jwk string) (oauth2grant.Prover, error) {
	var key struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal([]byte(jwk), &key); err != nil || key.Name == "" {
		return nil, errors.New("no key")
	}
	return &keyed{name: key.Name, private: true}, nil
}

// stored returns t as a store brings it back.
func stored(t *testing.T, token oauth2grant.Token) oauth2grant.Token {
	t.Helper()
	text, err := json.Marshal(token)
	if err != nil {
		t.Fatal(err)
	}
	var back oauth2grant.Token
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

func TestToken_KeepsTheKeyThatItIsBoundTo(t *testing.T) {
	token := oauth2grant.Token{AccessToken: "A", TokenType: "DPoP"}
	here := &keyed{name: "here", private: true}
	bound := stored(t, oauth2grant.BoundTo(token, here))
	for name, c := range map[string]struct {
		token      oauth2grant.Token
		prover     oauth2grant.Prover
		thumbprint string // empty: a person must sign in
	}{
		"the same prover": {bound, here, "here"},
		"another process": {bound, &keyed{name: "there", private: true}, "here"},
		"a key of the user's own": {
			stored(t, oauth2grant.BoundTo(token, &keyed{name: "own"})),
			&keyed{name: "own"}, "own",
		},
		"a record without a key": {token, &keyed{name: "there"}, "there"},
		"a key that is elsewhere": {
			stored(t, oauth2grant.BoundTo(token, &keyed{name: "own"})),
			&keyed{name: "there", private: true}, "",
		},
		"a prover that takes no key": {bound, &prover{}, ""},
		"a record with a broken key": {withKey(t, bound, `{"jkt":"here","jwk":{}}`), &keyed{name: "there"}, ""},
		"a record with another key": {
			withKey(t, bound, `{"jkt":"here","jwk":{"name":"evil"}}`),
			&keyed{name: "there"}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := oauth2grant.ProverFor(c.token, c.prover)
			if c.thumbprint == "" {
				wantIs(t, err, oauth2grant.ErrLoginRequired)
				return
			}
			if err != nil || got.Thumbprint() != c.thumbprint {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	if text, _ := json.Marshal(oauth2grant.BoundTo(bound, nil)); strings.Contains(string(text), "here") {
		t.Errorf("a token that is not bound any more keeps the key: %s", text)
	}
	if bound.String() != token.String() {
		t.Errorf("shows %v", bound)
	}
}

// withKey returns t with another note of its key.
func withKey(t *testing.T, token oauth2grant.Token, key string) oauth2grant.Token {
	t.Helper()
	text, err := json.Marshal(token)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	members["oauth2grant"] = json.RawMessage(`{"v":1,"dpop":` + key + `}`)
	if text, err = json.Marshal(members); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &token); err != nil {
		t.Fatal(err)
	}
	return token
}

func TestBeginAuthorization_NamesTheKeyThatTheCodeIsFor(t *testing.T) {
	srv, cfg := issues("{}")
	cfg.Server.AuthURL = srv.URL("/authorize")
	var c *oauth2grant.Client
	for want, proof := range map[string]oauth2grant.Prover{"": nil, "thumb": &prover{}} {
		cfg.Proof = proof
		c = newClient(t, cfg)
		a, err := c.BeginAuthorization(t.Context(), "https://app.example/callback", nil)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(a.URL)
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Query().Get("dpop_jkt"); got != want {
			t.Errorf("dpop_jkt %q, want %q", got, want)
		}
	}
	if _, err := c.BeginAuthorization(t.Context(), "https://app.example/callback",
		url.Values{"dpop_jkt": {"x"}}); err == nil {
		t.Error("params may set dpop_jkt")
	}
}
