package oauth2grant

import (
	"context"
	"errors"
	"maps"
	"net/url"
)

var errScopePerCall = errors.New("oauth2grant: the scope of a grant cannot be changed for one call: " +
	"use Client.Refresh, whose result is the caller's own")

// FetchTokenWith is [Grant.FetchToken] with extra form parameters for its token
// requests, which win over [Config.Params]. It joins no run of others: it waits
// for one that is under way, and then runs the flow itself. scope is refused,
// since the token is everybody's.
func (g *Grant) FetchTokenWith(ctx context.Context, params url.Values) (Token, error) {
	return g.alone(ctx, params, func(ctx context.Context) (*snapshot, error) { return g.engine.RunAlone(ctx) })
}

// RefreshTokenWith is [Grant.RefreshToken] with extra form parameters, as
// [Grant.FetchTokenWith] is.
func (g *Grant) RefreshTokenWith(ctx context.Context, params url.Values) (Token, error) {
	return g.alone(ctx, params, func(ctx context.Context) (*snapshot, error) { return g.engine.RenewAlone(ctx) })
}

func (g *Grant) alone(
	ctx context.Context, params url.Values, obtain func(context.Context) (*snapshot, error),
) (Token, error) {
	switch {
	case g.grant == nil:
		return Token{}, errZeroGrant
	case ctx == nil:
		return Token{}, errNilContext
	case params.Has("scope"):
		return Token{}, errScopePerCall
	}
	return now(context.WithValue(ctx, paramsKey{}, callParams{&g.sent, params}), obtain)
}

type paramsKey struct{}

// callParams are the parameters of one call, for the requests of one grant: not
// for those of another one that its flow calls.
type callParams struct {
	of     *witness
	params url.Values
}

// withParamsOf adds to form the parameters that ctx carries for one call.
func withParamsOf(ctx context.Context, form url.Values) url.Values {
	call, _ := ctx.Value(paramsKey{}).(callParams)
	if len(call.params) == 0 || call.of != witnessOf(ctx) {
		return form
	}
	all := maps.Clone(form)
	maps.Copy(all, call.params)
	return all
}
