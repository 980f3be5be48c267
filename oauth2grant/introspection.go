package oauth2grant

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

// Introspection is what a server says of a token (RFC 7662 §2.2). Only Active
// is sure to mean something.
type Introspection struct {
	// Active says that the token is good.
	Active bool
	// Scope has the scopes, separated by spaces.
	Scope string
	// ClientID is the client that the token was issued to.
	ClientID string
	// Username is for people; Subject identifies who the token stands for.
	Username, Subject string
	// Expiry is zero if unknown.
	Expiry time.Time

	members hidden
}

// Extra decodes any member of the answer into out and reports whether there is
// one. The error is that of encoding/json.
func (i Introspection) Extra(name string, out any) (bool, error) {
	return member(i.members.reveal(), name, out)
}

// String describes i by its fields; the other members may hold anything.
func (i Introspection) String() string {
	return fmt.Sprintf("Introspection{active %v, scope %q, client %q, subject %q}",
		i.Active, i.Scope, i.ClientID, i.Subject)
}

// Format implements [fmt.Formatter]: no verb shows the other members.
func (i Introspection) Format(f fmt.State, _ rune) { formatRedacted(f, i.String()) }

// LogValue implements [slog.LogValuer].
func (i Introspection) LogValue() slog.Value { return slog.StringValue(i.String()) }

// Introspect asks the server about a token (RFC 7662). hint is "access_token",
// "refresh_token" or empty. It blocks until the server has answered or ctx
// ends. The error is an [*Error]; it wraps [errors.ErrUnsupported] where the
// server has no such endpoint.
func (c *Client) Introspect(ctx context.Context, token, hint string) (Introspection, error) {
	if ctx == nil {
		return Introspection{}, errNilContext
	}
	to, _, err := c.endpointOf(ctx, OpIntrospection, func(s Server) string { return s.IntrospectionURL })
	if err != nil {
		return Introspection{}, err
	}
	params := form("token", token)
	if hint != "" {
		params.Set("token_type_hint", hint)
	}
	answer, err := c.send(ctx, OpIntrospection, to, c.revocationAuth, params)
	if err != nil {
		return Introspection{}, err
	}
	m, failure := wire.ReadAnswer(answer)
	if failure != nil {
		return Introspection{}, failed(OpIntrospection, to, failure)
	}
	active, ok := m.Bool("active")
	if !ok {
		return Introspection{}, (&Error{
			Op: OpIntrospection, StatusCode: answer.Status, cause: errNotIntrospection,
		}).at(to)
	}
	return Introspection{
		Active: active, Scope: m.Words("scope"), ClientID: m.Word("client_id"), Username: m.Word("username"),
		Subject: m.Word("sub"), Expiry: m.Time("exp"), members: hide(m.Rest()),
	}, nil
}
