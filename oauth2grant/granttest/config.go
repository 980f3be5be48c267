package granttest

import (
	"maps"
	"slices"
	"time"
)

const (
	grantClientCredentials = "client_credentials"
	grantPassword          = "password"
	grantRefreshToken      = "refresh_token"
	grantAuthorizationCode = "authorization_code"
	grantDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code"
)

// Config describes a [Server]. The zero value is a server with one confidential
// client, one public client and one user.
type Config struct {
	// Issuer is the URL that the server goes by; zero:
	// https://auth.granttest.example. It may have a path. A server behind a
	// socket learns its URL late: see [Server.SetIssuer].
	Issuer string
	// Clients are the registered clients; nil: {ID: "client", Secret: "secret"}
	// and the public {ID: "native"}.
	Clients []Client
	// Users maps names to passwords; nil: alice with "wonderland".
	Users map[string]string
	// Assertion checks a client_assertion (RFC 7523 §2.2) and returns the id of
	// the client it belongs to. It must not call the server. Nil takes what the
	// client itself has signed, with the private key of [Client.Keys] or with
	// its secret.
	Assertion func(assertion string) (clientID string, err error)
	// Identity checks an assertion of the JWT bearer grant (RFC 7523 §2.1), or
	// a subject or actor token (RFC 8693), and returns whom it stands for. It
	// must not call the server. Nil refuses them all; see [Platform.Trust].
	Identity func(assertion string) (subject string, err error)
	// DPoP checks the proofs in requests, and binds what is issued to a request
	// with a proof to its key (RFC 9449). No proof is taken twice. Without it,
	// proofs are ignored.
	DPoP bool
	// DPoPNonce is DPoP, and wants the newest nonce in every proof (RFC 9449
	// §8, §9); see [Server.RotateNonce].
	DPoPNonce bool
	// Lifetime is that of an access token; expires_in tells its whole seconds.
	// Zero: 1 h. Negative: access tokens never expire, and answers have no
	// expires_in.
	Lifetime time.Duration
	// RefreshLifetime is that of each refresh token, counted anew at each
	// rotation; refresh_token_expires_in tells its whole seconds. Zero: they
	// never expire.
	RefreshLifetime time.Duration
	// SessionLifetime is how long after the first grant the refresh tokens end
	// that come of it, however often they are rotated; told as that of
	// RefreshLifetime is. Zero: that alone counts.
	SessionLifetime time.Duration
	// RefreshFor lists the grant types whose answers carry a refresh token;
	// nil: password, authorization_code and
	// urn:ietf:params:oauth:grant-type:device_code. Empty but not nil: none. A
	// grant type that is not in the server's metadata is refused, whether it is
	// listed or not: answer it by [Fault.Body].
	RefreshFor []string
	// KeepRefreshTokens turns rotation off: a refresh token stays good, and a
	// refresh is answered without one.
	KeepRefreshTokens bool
	// Grace is for how long after its rotation a refresh token may come back
	// and is answered with fresh tokens, as if the first answer had been lost;
	// zero: coming back at all revokes the whole family.
	Grace time.Duration
	// RequirePAR has the server take pushed authorization requests only
	// (RFC 9126), and say so in its metadata.
	RequirePAR bool
	// Scopes are the scopes_supported of the server. If nil, it does not say.
	Scopes []string
	// ProtectedResource has the API describe itself (RFC 9728). If nil, it does
	// not.
	ProtectedResource *ProtectedResource
	// Registration has the server register clients (RFC 7591, RFC 7592). If
	// nil, it does not.
	Registration *Registration
	// ClientDocuments are the client metadata documents that the server would
	// find, by their URL, which is the id of their client. If nil, it reads
	// none.
	ClientDocuments map[string]string
	// DeviceInterval is the time between polls that device answers ask for;
	// expressed in whole seconds. Zero: 5 s.
	DeviceInterval time.Duration
	// DeviceLifetime is how long a person has to enter a user code; zero: 10
	// min.
	DeviceLifetime time.Duration
}

// Client is a registered client.
type Client struct {
	ID     string
	Secret string // zero: a public client, if it has no Keys either
	// Keys is a JWK Set with the public keys of a client that authenticates by
	// private_key_jwt.
	Keys string
	// Audience is the aud that the client's assertions must have, with the typ
	// JWT; zero: the issuer, and client-authentication+jwt.
	Audience string
	// RedirectURIs are compared character by character, except for the port of
	// a loopback IP address (RFC 8252 §7.3). Empty: whichever absolute URI the
	// client names.
	RedirectURIs []string
	// SecretExpires is when the secret ends; zero: it does not.
	SecretExpires time.Time

	managed string // the registration access token
}

func (c Client) public() bool { return c.Secret == "" && c.Keys == "" }

func (c Config) withDefaults() Config {
	if c.Issuer == "" {
		c.Issuer = "https://auth.granttest.example"
	}
	if c.Clients == nil {
		c.Clients = []Client{{ID: "client", Secret: "secret"}, {ID: "native"}}
	}
	if c.Users == nil {
		c.Users = map[string]string{"alice": "wonderland"}
	}
	if c.Lifetime == 0 {
		c.Lifetime = time.Hour
	}
	if c.RefreshFor == nil {
		c.RefreshFor = []string{grantPassword, grantAuthorizationCode, grantDeviceCode}
	}
	if c.DeviceInterval <= 0 {
		c.DeviceInterval = 5 * time.Second
	}
	if c.DeviceLifetime <= 0 {
		c.DeviceLifetime = 10 * time.Minute
	}
	c.DPoP = c.DPoP || c.DPoPNonce
	c.Clients = slices.Clone(c.Clients)
	c.Users = maps.Clone(c.Users)
	c.RefreshFor = slices.Clone(c.RefreshFor)
	return c
}

func (c Config) client(id string) (Client, bool) {
	i := slices.IndexFunc(c.Clients, func(client Client) bool { return client.ID == id })
	if i < 0 {
		return c.document(id)
	}
	return c.Clients[i], true
}
