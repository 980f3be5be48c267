// Package dpop binds tokens to a key by DPoP (RFC 9449): whoever steals one
// cannot use it without the key, which never leaves this process, or the store
// of the token.
//
//	prover, err := dpop.New(nil) // a fresh key
//	if err != nil {
//		return err
//	}
//	grant, err := oauth2grant.New(ctx, flow, oauth2grant.Config{Server: server, Auth: auth, Proof: prover})
//
// A [Prover] serves every request that needs a proof: token requests, refreshes
// and requests to APIs. It keeps the nonces of both kinds of server.
package dpop
