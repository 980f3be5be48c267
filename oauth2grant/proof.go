package oauth2grant

import "context"

// Prover proves possession of the key that tokens are bound to (RFC 9449); package dpop has one. Implementations are safe for concurrent use.
type Prover interface {
	// Proof gives the value of the DPoP header for one request.
	Proof(ctx context.Context, r ProofRequest) (string, error)
	// Learn takes the nonce that a server, named by its origin, wants in the next proofs (RFC 9449 §8, §9).
	Learn(origin, nonce string)
	// Thumbprint gives the SHA-256 thumbprint of the public key (RFC 7638), for dpop_jkt.
	Thumbprint() string
}

// ProofRequest is what a proof covers.
type ProofRequest struct {
	Method, URL string
	AccessToken string // empty at the token endpoint
	Nonce       string // that the server asked for just now; empty: the last one learnt from its origin, if any
}

const (
	schemeBearer = "Bearer"
	schemeDPoP   = "DPoP"
	headerNonce  = "DPoP-Nonce"
)
