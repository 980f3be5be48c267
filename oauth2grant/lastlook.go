package oauth2grant

import "context"

type lastLookKey struct{}

// withLastLook returns a context with which [Client.Refresh] calls look as the
// last step before it hands the refresh token over to be sent, and again for
// every connection that it is sent on anew. The error of look fails the
// request; see [Error.notSent].
func withLastLook(ctx context.Context, look func() error) context.Context {
	return context.WithValue(ctx, lastLookKey{}, look)
}

// takeLastLook returns the look of ctx, nil if there is none, and a context
// without it: what a refresh leads to is not meant by it.
func takeLastLook(ctx context.Context) (context.Context, func() error) {
	if ctx == nil {
		return nil, nil
	}
	look, _ := ctx.Value(lastLookKey{}).(func() error)
	if look == nil {
		return ctx, nil
	}
	return withLastLook(ctx, nil), look
}
