package granttest

import (
	"fmt"
	"net/http"
)

// Refusal is why the server said no.
type Refusal struct {
	Status            int    // of the HTTP answer
	Code, Description string // RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1
}

// Error names the code and the description.
func (r *Refusal) Error() string {
	return fmt.Sprintf("granttest: refused with %s: %s", r.Code, r.Description)
}

func refuse(code, description string) *Refusal {
	return &Refusal{http.StatusBadRequest, code, description}
}

func invalidClient(description string) *Refusal {
	return &Refusal{http.StatusUnauthorized, "invalid_client", description}
}

func (r *Refusal) answer() answer {
	a := answer{status: r.Status, code: r.Code}
	if r.Code != "" {
		a.json = map[string]any{"error": r.Code, "error_description": r.Description}
	}
	if challenge := r.challenge(); challenge != "" {
		a.header = http.Header{"Www-Authenticate": {challenge}}
	}
	return a
}

// challenge is RFC 6749 §5.2 for clients, and RFC 6750 §3 for tokens: no error
// where no token was sent.
func (r *Refusal) challenge() string {
	switch r.Code {
	case "invalid_client":
		return `Basic realm="granttest"`
	case "invalid_token", "insufficient_scope":
		return `Bearer realm="granttest", error="` + r.Code + `"`
	case "use_dpop_nonce", "invalid_dpop_proof":
		if r.Status != http.StatusUnauthorized {
			return ""
		}
		return `DPoP error="` + r.Code + `"`
	case "":
		return `Bearer realm="granttest"`
	default:
		return ""
	}
}
