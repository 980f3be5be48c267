package apiauth

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// This file is for libraries that put tokens on requests themselves, and ask
// what to do about a refusal.

// ErrRefused says that the API has refused a request for a reason that no
// sign-in would change.
var ErrRefused = errors.New("apiauth: the API refuses the request, and says nothing that another sign-in would change")

// Token returns an active token of an account, and reports whether there is
// one: there is none before [Auth.Answer], or another process, has learnt how
// to sign in. Otherwise it waits, on ctx, as [oauth2grant.Grant.Token] does.
func (a *Auth) Token(ctx context.Context, account string) (t oauth2grant.Token, ok bool, err error) {
	k, err := a.current(ctx)
	if err != nil || k == nil {
		return t, false, err
	}
	err = a.use(ctx, place{account, k}, func(g *oauth2grant.Grant) error {
		t, err = g.Token(ctx)
		return err
	})
	return t, err == nil, err
}

// Answer does what the refusal of a request to the API demands: it learns how
// to sign in, signs in, renews the token, or asks for more scopes. If it
// returns nil, send the request once more, with what [Auth.Token] returns then.
// It waits, on ctx, for whatever that takes, and does not read the body. A
// library that can use [Auth.Transport] should: it also sees to origins and
// redirects.
//
// The error is [ErrRefused], or one that Transport has.
func (a *Auth) Answer(ctx context.Context, account string, res *http.Response) error {
	if res.Request == nil || res.Request.URL == nil || originOf(res.Request.URL) != a.origin {
		return errElsewhere
	}
	k, err := a.current(ctx)
	if err != nil {
		return err
	}
	d, about := read(res)
	unauthorized := res.StatusCode == http.StatusUnauthorized
	switch {
	case k != nil && d.code == insufficientScope && len(d.scopes) > 0:
		if _, again, err := a.stepUp(ctx, account, k, d.scopes); err != nil || again {
			return err
		}
		return ErrRefused
	case !unauthorized || !about || d.code == insufficientScope:
		return ErrRefused
	case k == nil:
		k, err = a.learn(ctx, d)
	default:
		if moved, ok := errors.AsType[*movedError](a.moved(ctx, d, k)); ok {
			k, err = a.move(ctx, k, moved)
		}
	}
	if errors.Is(err, errNoMetadata) {
		return ErrRefused
	}
	if err != nil {
		return err
	}
	_, refused, _ := strings.Cut(res.Request.Header.Get("Authorization"), " ")
	return a.signIn(ctx, account, k, refused)
}

// signIn sees to an active token of an account, another one than that which was
// refused.
func (a *Auth) signIn(ctx context.Context, account string, k *known, refused string) error {
	ensure := func(g *oauth2grant.Grant) error {
		if refused != "" {
			g.Invalidate(refused)
		}
		return g.EnsureActiveToken(ctx)
	}
	err := a.use(ctx, place{account, k}, ensure)
	if !k.Client.Registered || !errors.Is(err, oauth2grant.InvalidClient) {
		return err
	}
	if k, err = a.registerAnew(ctx, k); err != nil {
		return err
	}
	return a.use(ctx, place{account, k}, ensure)
}
