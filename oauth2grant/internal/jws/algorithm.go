package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"errors"
	"fmt"
)

// smallestRSA is the least size of an RSA key in bits (RFC 7518 §3.3).
const smallestRSA = 2048

// algorithm is one of RFC 7518 §3.1 or RFC 8037 §3.1.
type algorithm struct {
	name  string
	hash  crypto.Hash    // zero: the message itself is signed
	curve elliptic.Curve // of ECDSA
	pss   bool           // of RSA
}

var (
	rsaAlgorithms = []algorithm{
		{name: "RS256", hash: crypto.SHA256},
		{name: "PS256", hash: crypto.SHA256, pss: true},
		{name: "RS384", hash: crypto.SHA384},
		{name: "RS512", hash: crypto.SHA512},
		{name: "PS384", hash: crypto.SHA384, pss: true},
		{name: "PS512", hash: crypto.SHA512, pss: true},
	}
	ecdsaAlgorithms = []algorithm{
		{name: "ES256", hash: crypto.SHA256, curve: elliptic.P256()},
		{name: "ES384", hash: crypto.SHA384, curve: elliptic.P384()},
		{name: "ES512", hash: crypto.SHA512, curve: elliptic.P521()},
	}
	edAlgorithms = []algorithm{{name: "EdDSA"}}
)

// algorithmFor returns the algorithm of that name, or the first one if name is
// empty, that a public key can be used with.
func algorithmFor(public crypto.PublicKey, name string) (algorithm, error) {
	var fit []algorithm
	switch key := public.(type) {
	case *rsa.PublicKey:
		if size := key.N.BitLen(); size < smallestRSA {
			return algorithm{}, fmt.Errorf("the RSA key has %d bits: make one of at least %d", size, smallestRSA)
		}
		fit = rsaAlgorithms
	case *ecdsa.PublicKey:
		for _, a := range ecdsaAlgorithms {
			if a.curve == key.Curve {
				fit = []algorithm{a}
			}
		}
		if fit == nil {
			return algorithm{}, errors.New("the curve of the EC key is none that JOSE knows: use P-256, P-384 or P-521")
		}
	case ed25519.PublicKey:
		fit = edAlgorithms
	default:
		return algorithm{}, fmt.Errorf("a key of type %T cannot sign here: use an EC, Ed25519 or RSA key", public)
	}
	for _, a := range fit {
		if name == "" || a.name == name {
			return a, nil
		}
	}
	return algorithm{}, fmt.Errorf("the key cannot be used with the algorithm %q, but with %s", name, names(fit))
}

func names(all []algorithm) string {
	text := ""
	for i, a := range all {
		if i > 0 {
			text += ", "
		}
		text += a.name
	}
	return text
}
