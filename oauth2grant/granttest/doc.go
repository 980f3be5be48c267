// Package granttest is an OAuth 2.0 authorization server for tests, and an API
// that its tokens open. It runs in memory, or behind
// [net/http/httptest.NewServer], and does what its test tells it to: slow,
// broken, rotating, forgetful.
//
//	srv := granttest.New(granttest.Config{})
//	srv.Script(granttest.Token, granttest.RetryAfter(429, time.Minute)) // the next token request only
//	client := srv.HTTPClient()                                         // no socket is opened
//
// What a service does while the token endpoint is down for two minutes and its
// token ends meanwhile takes no minute to find out:
//
//	synctest.Test(t, func(t *testing.T) {
//		srv := granttest.New(granttest.Config{Lifetime: 90 * time.Second})
//		get := startMyService(t, srv.Issuer(), srv.HTTPClient()) // calls srv.URL(granttest.Resource)
//		srv.Break(granttest.Token, granttest.Fault{Hang: true})  // from the first renewal on
//		time.AfterFunc(2*time.Minute, func() { srv.Heal(granttest.Token) })
//		for range 240 {
//			time.Sleep(time.Second)
//			count[get()]++
//		}
//	})
//
// One request goes wrong by [Server.Script], all of them by [Server.Break], a
// share of them by [Server.Chaos]; [Server.Heal] ends all three. A person signs
// in by [Server.Approve] or [Server.ApproveDevice]; an operator revokes by
// [Server.RevokeToken] and changes a client's secret by [Server.SetSecret].
// What arrived is in [Server.Requests] and [Server.Count].
//
// It is strict where a lenient fake would let a faulty client pass: codes,
// refresh tokens and device codes are bound to the client they were issued to,
// PKCE is checked, a code works once, and a rotated refresh token that comes
// back revokes everything that descends from the same sign-in. Each departure
// from that is a [Fault] that the test asked for.
//
// The package starts no goroutine and no timer of its own, and reads the time
// from [time.Now]: in a [testing/synctest] bubble, tokens expire and delays
// pass in virtual time.
//
// It follows RFC 6749 (the four grants, and refresh), 6750, 7009 (revocation),
// 7636 (PKCE), 7662 (introspection), 8252 (loopback redirects), 8414
// (metadata), 8628 (devices), 9126 (pushed requests), 9207 (iss), 7523 (client
// assertions, the JWT bearer grant), 8693 (token exchange), 9449 (DPoP), 7591
// and 7592 (registration), 9728 (the metadata of an API) and client metadata
// documents. Whoever asks for the scope openid gets an ID token, whose keys are
// at [JWKS]; [Server.IDToken] signs others. A [Platform] signs assertions for
// its clients.
package granttest
