package jws

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// MaxKey is the size in bytes above which Parse refuses a document.
const MaxKey = 256 << 10

// Parse reads a private key: PEM (PKCS #8, PKCS #1 or SEC 1), a JWK, or a JWK
// Set, whose first private key that is for signatures counts. Its errors never
// quote the document.
func Parse(document []byte) (*Key, error) {
	document = bytes.TrimSpace(document)
	switch {
	case len(document) == 0:
		return nil, errors.New("the key is empty")
	case len(document) > MaxKey:
		return nil, fmt.Errorf("the key is larger than %d KiB", MaxKey>>10)
	case document[0] == '{':
		return parseJSON(document)
	}
	return parsePEM(document)
}

func parsePEM(document []byte) (*Key, error) {
	for {
		var block *pem.Block
		if block, document = pem.Decode(document); block == nil {
			return nil, errors.New("there is no private key: want PEM, a JWK or a JWK Set")
		}
		var signer any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			signer, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			if block.Headers["DEK-Info"] != "" {
				return nil, errEncrypted
			}
			signer, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			if block.Headers["DEK-Info"] != "" {
				return nil, errEncrypted
			}
			signer, err = x509.ParseECPrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, errEncrypted
		default: // certificates, parameters, public keys
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("the PEM block %q cannot be read", block.Type)
		}
		return newKey(signer, "", "")
	}
}

var errEncrypted = errors.New("the private key is encrypted with a passphrase: decrypt it first")

func newKey(private any, algorithm, id string) (*Key, error) {
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T cannot sign here: use an EC, Ed25519 or RSA key", private)
	}
	k, err := New(signer, algorithm)
	if err != nil {
		return nil, err
	}
	k.ID = id
	return k, nil
}

func parseJSON(document []byte) (*Key, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(document, &set); err != nil {
		return nil, errors.New("the JWK is not JSON")
	}
	if set.Keys == nil {
		return parseJWK(document)
	}
	var found *Key
	var why error
	seen := map[string]bool{}
	for _, raw := range set.Keys {
		var head struct {
			ID  string `json:"kid"`
			Use string `json:"use"`
		}
		if json.Unmarshal(raw, &head) != nil || head.Use != "" && head.Use != "sig" {
			continue
		}
		if head.ID != "" && seen[head.ID] {
			return nil, fmt.Errorf("two keys of the JWK Set have the kid %.40q: a server cannot tell them apart",
				head.ID)
		}
		seen[head.ID] = true
		if found == nil {
			var err error
			if found, err = parseJWK(raw); err != nil && why == nil {
				why = err
			}
		}
	}
	switch {
	case found != nil:
		return found, nil
	case why != nil:
		return nil, fmt.Errorf("the JWK Set has no private key for signatures: %w", why)
	}
	return nil, errors.New("the JWK Set has no private key for signatures")
}

func parseJWK(document []byte) (*Key, error) {
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(document); err != nil {
		return nil, errors.New("the JWK cannot be read") // the cause may quote the key
	}
	switch {
	case jwk.IsPublic():
		return nil, errors.New("the JWK is a public key: the private one is needed to sign")
	case jwk.Use == "enc":
		return nil, errors.New("the JWK is for encryption (use), not for signatures")
	}
	algorithm := jwk.Algorithm
	if algorithm == "Ed25519" { // RFC 9864 has a name of its own for it
		algorithm = ""
	}
	k, err := newKey(jwk.Key, strings.TrimSpace(algorithm), jwk.KeyID)
	if err != nil {
		return nil, err
	}
	return k, nil
}
