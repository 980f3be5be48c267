// Package clientassertion authenticates an OAuth client by a signed assertion
// instead of a secret that is sent (RFC 7521, RFC 7523).
//
//	key, err := clientassertion.ParseKey(document) // PEM or JWK
//	if err != nil {
//		return err
//	}
//	cfg.Auth = clientassertion.PrivateKeyJWT("my-client", key, nil)
//
// [PrivateKeyJWT] signs with a private key, which may be a file that is rotated
// ([KeyFile]) or stay in a key service ([NewKey]); [ClientSecretJWT] signs with
// a shared secret. With [FromFunc] and [FromFile], somebody else has signed:
// the platform of a workload, or SPIFFE.
//
// Assertions are as FAPI 2.0 and the successor of RFC 7523 want them: the
// audience is the issuer, alone, so that no other server can use one, and each
// request carries a fresh one. [Options] has what older servers want instead.
package clientassertion
