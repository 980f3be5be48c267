// Package granttest is an OAuth 2.0 authorization server for tests, and an API that its tokens open. It runs in memory, or
// behind [net/http/httptest.NewServer], and does what its test tells it to: slow, broken, rotating, forgetful.
//
//	srv := granttest.New(granttest.Config{})
//	srv.Script(granttest.Token, granttest.RetryAfter(429, time.Minute)) // the next token request only
//	client := srv.HTTPClient()                                         // no socket is opened
//
// It is strict where a lenient fake would let a faulty client pass: codes, refresh tokens and device codes are bound to the
// client they were issued to, PKCE is checked, a code works once, and a rotated refresh token that comes back revokes
// everything that descends from the same sign-in. Each departure from that is a [Fault] that the test asked for.
//
// The package starts no goroutine and no timer of its own, and reads the time from [time.Now]: in a [testing/synctest] bubble,
// tokens expire and delays pass in virtual time.
//
// It follows RFC 6749 (the four grants, and refresh), 6750, 7009 (revocation), 7636 (PKCE), 7662 (introspection), 8252
// (loopback redirects), 8414 (metadata), 8628 (devices), 9126 (pushed requests) and 9207 (iss); 7523 (client assertions, the
// JWT bearer grant), 8693 (token exchange) and 9449 (DPoP); 7591 and 7592 (registration), 9728 (the metadata of the API), and
// client metadata documents. It signs nothing, so it gives no ID token; a [Fault] can add one. A [Platform] signs assertions
// for its clients.
package granttest
