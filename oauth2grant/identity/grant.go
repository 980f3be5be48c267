package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

var errIdentityEndpoint = errors.New("identity: IDENTITY_ENDPOINT is not a URL")

// IDToken returns a Source of the ID token of a grant (OpenID Connect Core §2),
// for what takes it as the proof of who somebody is. An ID token may end before
// the access token does: then the grant is refreshed once. It is an error if
// the server then issues none, as many do at a refresh. Like every use of g, it
// may ask a person to sign in.
func IDToken(g *oauth2grant.Grant) Source {
	return func(ctx context.Context) (string, error) {
		t, err := g.Token(ctx)
		if err != nil {
			return "", err
		}
		if end := expiryOf(t.IDToken); !end.IsZero() && !time.Now().Before(end) {
			old := t.IDToken
			if t, err = g.RefreshToken(ctx); err != nil {
				return "", fmt.Errorf("identity: the ID token of %v has expired: %w", g, err)
			}
			if t.IDToken == "" || t.IDToken == old {
				return "", fmt.Errorf("identity: the ID token of %v has expired, "+
					"and the server issues none at a refresh: sign in anew", g)
			}
		}
		if t.IDToken == "" {
			return "", fmt.Errorf("identity: %v has no ID token: ask for the scope openid", g)
		}
		return accept("the ID token of "+g.String(), []byte(t.IDToken), time.Now())
	}
}

// AccessToken returns a Source of the access token of a grant, to be exchanged
// for another one. Like every use of g, it may ask a person to sign in.
func AccessToken(g *oauth2grant.Grant) Source {
	return func(ctx context.Context) (string, error) {
		t, err := g.Token(ctx)
		return t.AccessToken, err
	}
}

// FromFlow returns a Source that runs a flow each time, and returns what the
// server has issued, whether or not that is an access token: a link of a chain
// of exchanges, such as an ID-JAG, that is good for one use. The flow must not
// be an interactive one; c is the client at the server that the flow asks.
func FromFlow(c *oauth2grant.Client, flow oauth2grant.Flow) Source {
	return func(ctx context.Context) (string, error) {
		if flow.Interactive() {
			return "", errors.New(
				"identity: FromFlow takes no flow that asks a person: make a Grant of it, and use AccessToken")
		}
		t, err := flow.Run(ctx, c)
		return t.AccessToken, err
	}
}
