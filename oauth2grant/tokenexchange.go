package oauth2grant

import (
	"context"
	"errors"
	"strings"
)

const grantTokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange" //nolint:gosec // a name, no credential

// Token types of RFC 8693 §3, and of the identity assertion authorization
// grant (ID-JAG).
//
//nolint:gosec // names, no credentials
const (
	TokenTypeAccessToken  = "urn:ietf:params:oauth:token-type:access_token"
	TokenTypeRefreshToken = "urn:ietf:params:oauth:token-type:refresh_token"
	TokenTypeIDToken      = "urn:ietf:params:oauth:token-type:id_token"
	TokenTypeSAML1        = "urn:ietf:params:oauth:token-type:saml1"
	TokenTypeSAML2        = "urn:ietf:params:oauth:token-type:saml2"
	TokenTypeJWT          = "urn:ietf:params:oauth:token-type:jwt"
	TokenTypeIDJAG        = "urn:ietf:params:oauth:token-type:id-jag"
)

// TokenExchange is token exchange (RFC 8693): a token for another token, which
// may come from the platform (package identity) or from another [Grant], so
// that exchanges chain. It needs no person. Where the new token is to be used
// is said by [Config.Scopes] and by audience and resource in [Config.Params].
//
// What the server says of the new token's type is in [Token.Extra], as
// issued_token_type. If that is no access token, its [Token.TokenType] is N_A
// (RFC 8693 §2.2.1): it is there to be passed on, and no API takes it. Run
// returns it, to be an assertion or a subject elsewhere (identity.FromFlow); a
// [Grant], whose token is for APIs, refuses it.
type TokenExchange struct {
	// Subject returns the token that the new one is to stand for. It is called
	// for every token request, and must return when its context ends.
	Subject func(context.Context) (string, error)

	// SubjectType says what Subject returns: [TokenTypeJWT] for most platforms,
	// [TokenTypeAccessToken], [TokenTypeIDToken] or another URN. It is
	// required.
	SubjectType string

	// Actor, if not nil, returns the token of the party that acts for the
	// subject. ActorType says what it is, as SubjectType does.
	Actor     func(context.Context) (string, error)
	ActorType string

	// RequestedType is the type of token to ask for. Empty leaves the choice to
	// the server.
	RequestedType string
}

// Run makes one token request.
func (f TokenExchange) Run(ctx context.Context, c *Client) (Token, error) {
	subject, err := ask(ctx, "subject token", f.Subject)
	if err != nil {
		return Token{}, err
	}
	params := form("grant_type", grantTokenExchange, "subject_token", subject, "subject_token_type", f.SubjectType)
	if f.Actor != nil {
		actor, err := ask(ctx, "actor token", f.Actor)
		if err != nil {
			return Token{}, err
		}
		params.Set("actor_token", actor)
		params.Set("actor_token_type", f.ActorType)
	}
	if f.RequestedType != "" {
		params.Set("requested_token_type", f.RequestedType)
	}
	return c.RequestToken(ctx, params)
}

// Interactive returns false.
func (TokenExchange) Interactive() bool { return false }

func (f TokenExchange) validate(*Config) []error {
	var all []error
	if f.Subject == nil {
		all = append(all, errors.New("TokenExchange: Subject is nil: package identity has funcs for it"))
	}
	if f.SubjectType == "" {
		all = append(all,
			errors.New("TokenExchange: SubjectType is empty: set it to TokenTypeJWT, or what Subject returns"))
	}
	if (f.Actor == nil) != (f.ActorType == "") {
		all = append(all, errors.New("TokenExchange: Actor and ActorType belong together"))
	}
	return all
}

// notAccessToken is the token_type of what is no access token.
const notAccessToken = "N_A"

// passedOn reports whether t is the answer to an exchange and no access token.
func passedOn(op string, t Token) bool {
	return op == grantTokenExchange && strings.EqualFold(t.TokenType, notAccessToken)
}
