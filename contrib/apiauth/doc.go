// Package apiauth signs in where an API says: it needs the API's address, and
// nothing else.
//
//	auth, err := apiauth.New(ctx, "https://api.example.com/mcp", apiauth.Config{
//		Name:  "My Agent",
//		Store: apiauth.Files("my-agent"),
//	})
//	if err != nil {
//		return err
//	}
//	defer auth.Close()
//	res, err := auth.HTTPClient().Get("https://api.example.com/mcp")
//
// The first request goes out without a token. The 401 that answers it names the
// metadata of the API (RFC 9728), or that is looked for in the two places where
// it belongs; it names the authorization server, and the server's own metadata
// (RFC 8414) says where to go from there. The client is the first of these that
// there is: one of [Config.Clients]; a client metadata document, where the
// server reads them; a dynamic registration (RFC 7591). What was learnt and
// registered is kept in a [oauth2grant.Store], and the token in another, so
// that of all processes that share them one registers, one asks the person, and
// the others, and all later ones, make no request but their own.
//
// From then on [oauth2grant.Grant] does what it does everywhere. In addition:
//
//   - A 401 has the metadata of the API read again before anything is asked of
//     the authorization server. Where that has changed, there is a new
//     registration and a new sign-in, and the old token is kept apart.
//   - insufficient_scope leads to one sign-in with the scopes asked for so far
//     and those demanded, at most once for each request and for each demand.
//   - A server that has forgotten a registration of ours gets a new one.
//   - A client secret of ours that is about to expire is renewed (RFC 7592).
//
// # Trust
//
// The API is trusted with nothing but its own tokens. The resource that its
// metadata describes must be the API: its URL, its origin, or a path above it.
// Tokens go to the API's origin only. Addresses that the API or its server
// named are https; they are not inside this machine or its network, unless
// [Config.AllowInside] permits that, whatever a name is resolved to; and their
// redirects are not followed. One call makes a bounded number of requests,
// whatever is answered.
//
// Of all servers that the API names, one is asked: the one in use, if it is
// still named; else one for which [Config.Clients] has a client; else the first
// whose address is acceptable. While that is out of reach, or if it takes no
// registration, the call fails with the reason and no other server is tried: it
// would be another registration and another sign-in, and whoever can stop the
// one server could choose where people sign in. To prefer another, name it in
// [Config.Clients].
//
// # Flows
//
// [Config.Flow] may be [oauth2grant.AuthCode], [oauth2grant.DeviceCode] for
// machines without a browser, or a flow of one's own; what is registered
// follows from it. The server's metadata must have what the flow needs.
package apiauth
