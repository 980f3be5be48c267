// Package oauth2grant obtains OAuth 2.0 tokens, keeps them fresh and puts them on requests.
//
//	caller ──▶ Grant ──▶ engine ──▶ renew ──▶ Flow.Run or refresh ──▶ Client ──▶ wire ──▶ http.Client
//	   ▲        (when to hold, wait, renew)   (which way)   (how)      (one server, one client)
//	   └── immutable Token snapshot ◀──────────┘  └─▶ Store (persist first), Hooks (tell after)
//
// A program makes a Grant with New, defers Close, and calls PrepareRequest, or uses Transport, for as long as it lives. One background goroutine renews the
// token ahead of its expiry, so that these calls neither wait nor allocate more than a header value; when there is no usable token they wait, each on its own
// context, for one request that all of them share.
//
// # Two halves
//
// Client is stateless towards tokens: one OAuth client at one authorization server, every protocol request it can make. Many grants may share one. Grant is
// the stateful half: it holds one token. A Flow says how to obtain a token when there is none to refresh: ClientCredentials, Password, AuthCode, DeviceCode,
// RefreshOnly, or a user's own.
//
// # Stores
//
// With a Store the token outlives the process and is shared with others: the store is locked, read, and only then a refresh token is used, saved before
// anybody sees the new token. So a refresh token that the server rotates is neither used twice nor lost.
//
// # Failures
//
// A usable token is never replaced by an error. Failures are remembered: until the back-off is over, calls without a usable token fail at once with the last
// of them. What the server refuses is not asked again by the background. errors.Is with ErrLoginRequired, ErrClosed or a Code, errors.As with *Error, and
// IsTransient tell what to do.
//
// # Specifications
//
// RFC 6749 and 6750 (OAuth 2.0, bearer tokens), 7009 (revocation), 7636 (PKCE), 7662 (introspection), 8252 (native apps), 8414 (metadata), 8628 (device),
// 8707 (resource indicators), 9207 (issuer identification), 9700 (best current practice); of 9449 (DPoP) the Prover's place.
package oauth2grant
