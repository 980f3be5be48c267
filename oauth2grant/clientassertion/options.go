package clientassertion

import (
	"errors"
	"fmt"
	"time"
)

// Options are what a server may want otherwise. A nil *Options is all zero.
type Options struct {
	// Audience is the aud of the assertions. If empty, it is
	// [oauth2grant.Server.Issuer], and a Config without an Issuer is refused. A
	// server that predates the successor of RFC 7523 may want the URL of its
	// token endpoint, whichever endpoint the request goes to: name that here.
	Audience string

	// Type is the typ of the assertions. If empty, it is
	// client-authentication+jwt or, if Audience is set, JWT.
	Type string

	// Algorithm is how to sign (RFC 7518 §3.1, RFC 8037 §3.1). If empty, it is
	// the one that a JWK names, or else RS256 for an RSA key, ES256, ES384 or
	// ES512 for an EC key, EdDSA for an Ed25519 key, and HS256 for a secret.
	// FAPI 2.0 wants PS256 of an RSA key.
	Algorithm string

	// Lifetime is how long an assertion is good, at least a second and at most
	// an hour; zero means a minute.
	Lifetime time.Duration
}

const (
	typeAuthentication = "client-authentication+jwt"
	typeJWT            = "JWT"
)

func (o *Options) orDefault() Options {
	var full Options
	if o != nil {
		full = *o
	}
	if full.Type == "" {
		if full.Type = typeAuthentication; full.Audience != "" {
			full.Type = typeJWT
		}
	}
	if full.Lifetime == 0 {
		full.Lifetime = time.Minute
	}
	return full
}

// check refuses options that cannot work at the server that goes by issuer.
func (o Options) check(issuer string) error {
	if o.Audience == "" && issuer == "" {
		return errors.New("clientassertion: the assertions need an audience: set Server.Issuer, or Options.Audience")
	}
	if o.Lifetime < time.Second || o.Lifetime > time.Hour {
		return fmt.Errorf("clientassertion: Options.Lifetime is %s: want a second to an hour", o.Lifetime)
	}
	return nil
}
