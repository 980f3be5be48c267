// Package grpccreds puts the token of a Grant on calls of gRPC, and tells gRPC
// which failures may pass:
//
//	conn, err := grpc.NewClient(target,
//		grpc.WithTransportCredentials(credentials.NewTLS(nil)),
//		grpc.WithPerRPCCredentials(grpccreds.New(grant)))
//
// Without this package, [oauth2grant.Grant.PerRPCCredentials] serves gRPC as
// well, but for the codes: gRPC then calls every failure Unauthenticated.
package grpccreds

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// New returns g as credentials for
// [google.golang.org/grpc.WithPerRPCCredentials] and
// [google.golang.org/grpc.PerRPCCredentials]. Each call carries the token that
// is active at its time, and waits for one on its own ctx.
//
// Where there is none, the call fails with DeadlineExceeded or Canceled if its
// ctx has ended, with Unavailable if [oauth2grant.IsTransient] says that trying
// again later can help, and else with Unauthenticated: a person has to sign in,
// the grant is closed, or the token must not go to that service.
func New(g *oauth2grant.Grant) credentials.PerRPCCredentials { return creds{g.PerRPCCredentials()} }

type creds struct{ oauth2grant.RPCCredentials }

// GetRequestMetadata returns the authorization of one call, or a status.
func (c creds) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	metadata, err := c.RPCCredentials.GetRequestMetadata(ctx, uri...)
	if err != nil {
		return nil, status.Error(codeOf(ctx, err), err.Error())
	}
	return metadata, nil
}

func codeOf(ctx context.Context, err error) codes.Code {
	switch {
	case ctx != nil && ctx.Err() != nil:
		return status.FromContextError(ctx.Err()).Code()
	case oauth2grant.IsTransient(err):
		return codes.Unavailable
	default:
		return codes.Unauthenticated
	}
}
