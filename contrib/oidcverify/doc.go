// Package oidcverify verifies ID tokens (OpenID Connect Core §3.1.3.7), which
// package oauth2grant keeps and does not look into. It leaves signatures and
// keys to github.com/coreos/go-oidc, and adds what that leaves to its caller:
// the nonce, at_hash, azp, and iat.
//
// A command-line tool sets [Verifier.SignIn] as AuthCode.VerifyIDToken:
//
//	verifier, err := oidcverify.New(client, oidcverify.Config{})
//	flow := oauth2grant.AuthCode{VerifyIDToken: verifier.SignIn}
//
// A web application calls [Verifier.Verify] after
// [oauth2grant.Client.FinishAuthorization], and sends the browser to
// [Verifier.LogoutURL] when somebody signs out.
package oidcverify
