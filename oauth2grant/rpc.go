package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
)

// AccessToken returns the access token alone, for the many clients that ask for
// a func(context.Context) (string, error): of databases, message brokers, mail
// servers. It is otherwise [Grant.Token]: it returns at once if the grant holds
// an active token, and else waits for one on ctx. Call it for every connection;
// to tell connections that are open of a new token, see [Grant.Subscribe].
//
// With [Config.Proof] set it returns an error, since a token that is bound to a
// key is of no use without the proof: use [Grant.Authorize].
func (g *Grant) AccessToken(ctx context.Context) (string, error) {
	if g.grant != nil && g.client.proof != nil {
		return "", errNeedsProof
	}
	s, err := g.active(ctx)
	if err != nil {
		return "", err
	}
	return s.Value.token.AccessToken, nil
}

// PerRPCCredentials returns the grant as credentials for gRPC's
// WithPerRPCCredentials and PerRPCCredentials: every call then carries the
// token that is active at its time.
func (g *Grant) PerRPCCredentials() RPCCredentials { return RPCCredentials{g} }

// RPCCredentials puts the token of a [Grant] on calls of gRPC. It has the
// methods of PerRPCCredentials in google.golang.org/grpc/credentials, which
// this package does not import, and is made by [Grant.PerRPCCredentials].
//
// gRPC turns an error of GetRequestMetadata into the status Unauthenticated,
// unless it is a status itself. So a call that only came while the
// authorization server was busy looks as final as one that needs a person.
// Package contrib/grpccreds tells them apart: it returns Unavailable for what
// is [IsTransient], and DeadlineExceeded or Canceled where the call's ctx
// ended.
type RPCCredentials struct{ g *Grant }

// GetRequestMetadata returns the authorization of one call. It waits for an
// active token on ctx, which is that of the call. The URI names the service;
// the token goes to origins that [Config.Origins] allows, as with
// [Grant.Transport].
//
// The error is that of [Grant.AccessToken], or says why the token must not go
// to the URI.
func (c RPCCredentials) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	switch {
	case c.g == nil || c.g.grant == nil:
		return nil, errors.New("oauth2grant: RPCCredentials without a Grant: use Grant.PerRPCCredentials")
	case c.g.client.proof != nil:
		return nil, errNeedsProof
	}
	if err := c.allowed(uri); err != nil {
		return nil, err
	}
	s, err := c.g.active(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]string{"authorization": s.Value.header}, nil
}

// allowed returns why the token must not go to all of uris. Where they do not
// matter they need not be known.
func (c RPCCredentials) allowed(uris []string) error {
	if len(c.g.origins) > 0 && len(uris) == 0 {
		return errors.New("oauth2grant: Config.Origins is set, and gRPC does not say where the token would go")
	}
	for _, raw := range uris {
		u, err := url.Parse(raw)
		if err != nil {
			return errors.New("oauth2grant: gRPC names a service by what is no URI")
		}
		if err := c.g.allowed(u); err != nil {
			return err
		}
	}
	return nil
}

// RequireTransportSecurity reports that the token must not go over plaintext,
// which gRPC then refuses. [Config.InsecureAllowHTTP] lifts that.
func (c RPCCredentials) RequireTransportSecurity() bool {
	return c.g == nil || c.g.grant == nil || !c.g.client.insecure
}

// String names the grant whose token goes on the calls.
func (c RPCCredentials) String() string { return fmt.Sprintf("RPCCredentials{%v}", c.g) }

// Format implements [fmt.Formatter]: no verb shows a secret.
func (c RPCCredentials) Format(f fmt.State, _ rune) { formatRedacted(f, c.String()) }

// LogValue implements [slog.LogValuer].
func (c RPCCredentials) LogValue() slog.Value { return slog.StringValue(c.String()) }
