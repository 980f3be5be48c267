// Package jws signs compact JSON Web Signatures (RFC 7515) with any
// [crypto.Signer], and reads the keys to sign with (RFC 7517). It is what the
// packages clientassertion and dpop share.
package jws
