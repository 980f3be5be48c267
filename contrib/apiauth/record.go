package apiauth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// record is what was learnt of an API, and what was registered for it. It holds
// secrets.
type record struct {
	Resource string   `json:"resource,omitempty"` // empty: the API does not say
	Issuer   string   `json:"issuer"`
	Guessed  bool     `json:"guessed,omitempty"` // the issuer has no metadata
	Scopes   []string `json:"scopes,omitempty"`
	Client   client   `json:"client"`
}

// client is the one to sign in with.
type client struct {
	ID     string `json:"id"`
	Method string `json:"method,omitempty"` // of RFC 7591 §2; empty: the client is one of Config.Clients
	Secret string `json:"secret,omitempty"`

	SecretExpires int64  `json:"secret_expires,omitempty"` // in seconds of Unix time; zero: never
	RenewAt       int64  `json:"renew_at,omitempty"`       // likewise: when to renew it
	URI           string `json:"uri,omitempty"`            // where the registration is managed (RFC 7592)
	Token         string `json:"token,omitempty"`          // that opens it
	Registered    bool   `json:"registered,omitempty"`     // by this package
}

// same reports whether r and other lead to the same grants.
func (r record) same(other record) bool {
	return r.Resource == other.Resource && r.Issuer == other.Issuer && r.Client == other.Client &&
		slices.Equal(r.Scopes, other.Scopes)
}

// member is the name under which a record stands in a token.
const member = "apiauth"

// A record is stored as a member of a token without a use of its own, so that
// every Store keeps it as it keeps tokens: durable, shared, locked, encrypted.
func (r record) token() (oauth2grant.Token, error) {
	text, err := json.Marshal(map[string]any{"access_token": member, "token_type": member, member: r})
	if err != nil {
		return oauth2grant.Token{}, err
	}
	var t oauth2grant.Token
	return t, json.Unmarshal(text, &t)
}

// load returns the record in a store, nil where there is none.
func load(ctx context.Context, s oauth2grant.Store) (*record, error) {
	t, err := s.Load(ctx)
	switch {
	case errors.Is(err, oauth2grant.ErrNoToken):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("apiauth: the store of what is known of the API: %w", err)
	}
	var r record
	if _, err := t.Extra(member, &r); err == nil && r.Issuer != "" && r.Client.ID != "" {
		return &r, nil
	}
	return nil, nil // another version's: it is learnt anew
}

func (r record) save(ctx context.Context, s oauth2grant.Store) error {
	t, err := r.token()
	if err == nil {
		err = s.Save(ctx, t)
	}
	if err != nil {
		return fmt.Errorf("apiauth: keep what is known of the API: %w", err)
	}
	return nil
}

// keyOf makes the key of a store of what it is for.
func keyOf(kind string, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return kind + "-" + hex.EncodeToString(sum[:16])
}
