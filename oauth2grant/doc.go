// Package oauth2grant obtains OAuth 2.0 tokens, keeps them fresh for years, and
// puts them on requests.
//
// For a service or a worker, use [New] with [ClientCredentials]; where the
// platform vouches for the program, with [JWTBearer] or [TokenExchange] and
// package identity. For a command-line tool, use [New] with [AuthCode] where
// there is a browser, or [DeviceCode] where there is none, and a [Store] such
// as that of package filestore. For a web application, use
// [Client.BeginAuthorization] and [Client.FinishAuthorization], then a [Pool]
// of grants with [RefreshOnly], one per user. For a legacy system, there is
// [Password]; for anything else, a [Flow] of one's own. For tests, use package
// granttest.
//
// A program makes a [Grant], defers [Grant.Close], and for as long as it lives
// calls [Grant.PrepareRequest], or uses [Grant.HTTPClient], [Grant.Transport],
// [Grant.PerRPCCredentials] or [Grant.AccessToken]. The token is renewed in the
// background ahead of its expiry, so that these calls neither wait nor allocate
// more than a header value. When there is no usable token they wait, each on
// its own context, for one request that all of them share.
//
//	caller ──▶ Grant ──▶ engine ──▶ renew ──▶ Flow.Run or refresh ──▶ Client ──▶ wire ──▶ http.Client
//	   ▲        (when to hold, wait, renew)   (which way)   (how)      (one server, one client)
//	   └── immutable Token snapshot ◀──────────┘  └─▶ custody ─▶ Store (saved first), events (told after)
//
// # Two halves
//
// A [Client] is stateless towards tokens: one OAuth client at one authorization
// server, and every protocol request that it can make. Many grants may share
// one. A [Grant] is the stateful half: it holds one token.
//
// # Stores
//
// With a [Store] the token outlives the process and is shared with others. The
// store is locked and read, and only then is a refresh token used; the new
// token is saved before anybody sees it. So a refresh token that the server
// rotates is neither used twice nor lost.
//
// # Failures
//
// A usable token is never replaced by an error. Failures are remembered: until
// the back-off is over, calls without a usable token fail at once with the last
// of them, and the background does not ask again what the server has refused.
// To decide what to do, use [errors.Is] with [ErrLoginRequired], [ErrClosed],
// [ErrConfig] or a [Code], [errors.As] with [*Error], and [IsTransient].
// [Grant.Status] and [Event] are for those who operate the program.
//
// # Words
//
//   - A grant is the value that keeps one token. The way to obtain one, which
//     the RFCs call a grant, is a flow.
//   - To refresh is to trade the refresh token for a new token. To renew is to
//     get the next token without asking anybody: adopt one, refresh, or run a
//     flow that needs no person. A sign-in may ask a person.
//   - A flight is one renewal or sign-in that all callers share. A lane has one
//     flight at a time: there is one for renewals and one for sign-ins.
//   - A snapshot is the immutable token, with its header value, that callers
//     read.
//   - Custody is the token in its Store: what is there, and what waits to be
//     written. To settle is to write what could not be saved before.
//   - To adopt is to take over a token that somebody else has put into the
//     Store.
//   - A mark says in the Store that somebody is sending the refresh token.
//
// # Specifications
//
// RFC 6749 and 6750 (OAuth 2.0, bearer tokens), 7009 (revocation), 7521 and
// 7523 (assertions), 7636 (PKCE), 7662 (introspection), 8252 (native
// applications), 8414 (metadata), 8628 (devices), 8693 (token exchange), 8707
// (resource indicators), 9126 (pushed authorization requests), 9207 (issuer
// identification), 9449 (DPoP), 9470 (step-up) and 9700 (best current
// practice).
package oauth2grant
