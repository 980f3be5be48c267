package clientassertion

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/identity"
)

// TypeSPIFFE is the type of a SPIFFE JWT-SVID
// (draft-ietf-oauth-spiffe-client-auth).
const TypeSPIFFE = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"

// FromFunc authenticates the client by assertions that somebody else has
// signed, such as the platform that it runs on; package identity has funcs for
// that. The assertion is asked for before every request, and must be made for
// the authorization server: that is for its maker to see to. An empty
// assertionType is [TypeJWTBearer].
func FromFunc(id, assertionType string, assertion func(context.Context) (string, error)) oauth2grant.ClientAuth {
	if assertionType == "" {
		assertionType = TypeJWTBearer
	}
	return &ready{id: id, kind: assertionType, assertion: assertion}
}

// FromFile is [FromFunc] with a file that somebody else keeps fresh: a
// projected service account token of Kubernetes, or the JWT-SVID of a SPIFFE
// helper. See [identity.File].
func FromFile(id, assertionType, path string) oauth2grant.ClientAuth {
	return FromFunc(id, assertionType, identity.File(path))
}

// ready sends what somebody else has signed.
type ready struct {
	id, kind  string
	assertion func(context.Context) (string, error)
}

func (a *ready) ClientID() string { return a.id }

// ForIssuer implements [oauth2grant.IssuerAuth] only to refuse what cannot
// work.
func (a *ready) ForIssuer(string) (oauth2grant.ClientAuth, error) {
	if a.assertion == nil {
		return nil, errors.New("clientassertion: FromFunc needs a func")
	}
	return a, nil
}

func (a *ready) Authenticate(ctx context.Context, _ string, _ http.Header, form url.Values) error {
	assertion, err := a.assertion(ctx)
	if err != nil {
		return err
	}
	if assertion == "" {
		return errors.New("clientassertion: the assertion is empty")
	}
	put(form, a.id, a.kind, assertion)
	return nil
}

// String describes the authentication without an assertion.
func (a *ready) String() string { return fmt.Sprintf("ClientAuth{%s, id %q}", a.kind, a.id) }

// Format implements fmt.Formatter: no verb shows an assertion.
func (a *ready) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(a.String())) }

// LogValue implements slog.LogValuer.
func (a *ready) LogValue() slog.Value { return slog.StringValue(a.String()) }
