package oauth2grant

// PKCEMethod is a code challenge method (RFC 7636 §4.2). The zero value is PKCES256.
type PKCEMethod string

// Methods of RFC 7636 §4.2; PKCENone sends no challenge.
const (
	PKCES256  PKCEMethod = "S256"
	PKCEPlain PKCEMethod = "plain"
	PKCENone  PKCEMethod = "none"
)
