// Package identity gets assertions from the platform that a program runs on, so
// that it needs no secret of its own: from a file, the environment, a command,
// an HTTP endpoint, GitHub Actions, Google Cloud and Azure, or another grant.
//
//	flow := oauth2grant.JWTBearer{Assertion: identity.File("/var/run/secrets/tokens/api")}
//
// Each is a [Source], for [oauth2grant.JWTBearer], for the subject and actor of
// [oauth2grant.TokenExchange], and for clientassertion.FromFunc.
//
// An assertion is a secret. No error shows one, nor what a command, a file or a
// server said otherwise. A JWT is looked at before it is sent: one that is cut
// short, has expired, or is not valid yet is an error that says what to do. Its
// signature is for the server to verify.
package identity
