package oauth2grant

// Code is an error code of the OAuth 2.0 specifications. It is an error itself,
// for errors.Is(err, [InvalidGrant]).
type Code string

// Error returns the code as text.
func (c Code) Error() string { return string(c) }

// Codes of RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 7009 §2.2.1, RFC 8628
// §3.5, RFC 8707 §2, RFC 9126, RFC 9396, RFC 9449, RFC 9470 and OpenID Connect
// Core §3.1.2.6.
const (
	InvalidRequest                 Code = "invalid_request"
	InvalidClient                  Code = "invalid_client"
	InvalidGrant                   Code = "invalid_grant"
	UnauthorizedClient             Code = "unauthorized_client"
	UnsupportedGrantType           Code = "unsupported_grant_type"
	UnsupportedResponseType        Code = "unsupported_response_type"
	InvalidScope                   Code = "invalid_scope"
	AccessDenied                   Code = "access_denied"
	ServerError                    Code = "server_error"
	TemporarilyUnavailable         Code = "temporarily_unavailable"
	InvalidToken                   Code = "invalid_token"
	InsufficientScope              Code = "insufficient_scope"
	InsufficientUserAuthentication Code = "insufficient_user_authentication"
	UnsupportedTokenType           Code = "unsupported_token_type"
	AuthorizationPending           Code = "authorization_pending"
	SlowDown                       Code = "slow_down"
	ExpiredToken                   Code = "expired_token"
	InvalidTarget                  Code = "invalid_target"
	InvalidRequestURI              Code = "invalid_request_uri"
	InvalidAuthorizationDetails    Code = "invalid_authorization_details"
	InvalidDPoPProof               Code = "invalid_dpop_proof"
	UseDPoPNonce                   Code = "use_dpop_nonce"
	LoginRequired                  Code = "login_required"
	InteractionRequired            Code = "interaction_required"
	ConsentRequired                Code = "consent_required"
)

// synonyms are codes that some servers have for one of the specifications.
var synonyms = map[Code]Code{
	"authorization_declined": AccessDenied,
	"user_denied":            AccessDenied,
	"code_expired":           ExpiredToken,
	"device_code_expired":    ExpiredToken,
}
