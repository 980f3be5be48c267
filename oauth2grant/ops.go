package oauth2grant

// The requests that [Error.Op] names. That of a token request is its
// grant_type.
const (
	OpRefresh             = "refresh_token"
	OpClientCredentials   = "client_credentials"
	OpPassword            = "password"
	OpAuthorizationCode   = "authorization_code"
	OpDeviceCode          = "urn:ietf:params:oauth:grant-type:device_code"
	OpAuthorization       = "authorization"
	OpDeviceAuthorization = "device_authorization"
	OpPushedAuthorization = "pushed_authorization"
	OpRevocation          = "revocation"
	OpIntrospection       = "introspection"
	OpUserInfo            = "userinfo"
	OpDiscovery           = "discovery"
	OpPost                = "post" // [Client.Post]
)
