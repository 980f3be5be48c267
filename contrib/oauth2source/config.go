package oauth2source

import (
	"maps"
	"slices"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// FromConfig returns a Config with the endpoints, the client and the scopes of
// c, for [oauth2grant.New] with [oauth2grant.AuthCode],
// [oauth2grant.DeviceCode], [oauth2grant.Password] or
// [oauth2grant.RefreshOnly], and for [oauth2grant.NewClient]. Add what else
// there is to say, such as a Store. A nil c is the zero Config, which New
// refuses.
//
// A client without a secret is public. Where c leaves the style of
// authentication to trial, it is the header, which every server has to support
// (RFC 6749 §2.3.1); where yours does not, set AuthStyle to
// [oauth2.AuthStyleInParams]. PKCE is on unless Config.PKCE says otherwise.
//
// RedirectURL is not part of a Config: it belongs to AuthCode.Callback or to
// [oauth2grant.Client.BeginAuthorization].
func FromConfig(c *oauth2.Config) oauth2grant.Config {
	if c == nil {
		return oauth2grant.Config{}
	}
	return oauth2grant.Config{
		Server: oauth2grant.Server{
			TokenURL: c.Endpoint.TokenURL, AuthURL: c.Endpoint.AuthURL, DeviceAuthURL: c.Endpoint.DeviceAuthURL,
		},
		Auth:   auth(c.ClientID, c.ClientSecret, c.Endpoint.AuthStyle),
		Scopes: slices.Clone(c.Scopes),
	}
}

// FromClientCredentials is [FromConfig] for [oauth2grant.ClientCredentials];
// the EndpointParams become Config.Params.
func FromClientCredentials(c *clientcredentials.Config) oauth2grant.Config {
	if c == nil {
		return oauth2grant.Config{}
	}
	return oauth2grant.Config{
		Server: oauth2grant.Server{TokenURL: c.TokenURL},
		Auth:   auth(c.ClientID, c.ClientSecret, c.AuthStyle),
		Scopes: slices.Clone(c.Scopes),
		Params: maps.Clone(c.EndpointParams),
	}
}

func auth(id, secret string, style oauth2.AuthStyle) oauth2grant.ClientAuth {
	switch {
	case secret == "":
		return oauth2grant.Public(id)
	case style == oauth2.AuthStyleInParams:
		return oauth2grant.SecretPost(id, secret)
	default:
		return oauth2grant.SecretBasic(id, secret)
	}
}
