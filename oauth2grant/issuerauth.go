package oauth2grant

import "fmt"

// IssuerAuth is a [ClientAuth] whose proof names the authorization server that
// it is meant for, and so cannot be used at another (RFC 7523 §3). Those of
// package clientassertion are such.
type IssuerAuth interface {
	ClientAuth
	// ForIssuer returns the ClientAuth for the authorization server that goes
	// by issuer, which is empty if [Server.Issuer] is. It is called once for
	// each [Client], before any request; its error is one of the Config.
	ForIssuer(issuer string) (ClientAuth, error)
}

// forIssuer returns auth for the server that goes by issuer.
func forIssuer(auth ClientAuth, issuer string) (ClientAuth, error) {
	if a, ok := auth.(IssuerAuth); ok {
		return a.ForIssuer(issuer)
	}
	return auth, nil
}

// issuerProblems are those of forIssuer.
func issuerProblems(field string, auth ClientAuth, issuer string) []error {
	if isNil(auth) {
		return nil
	}
	if _, err := forIssuer(auth, issuer); err != nil {
		return []error{fmt.Errorf("%s: %w", field, err)}
	}
	return nil
}
