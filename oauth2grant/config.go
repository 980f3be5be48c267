package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
)

// Config says what a [Grant], or a [Client], works with. Server and Auth, or
// Client, are needed; every other zero field is a good default. It is copied
// when it is used. It shows no secret when it is given to fmt or slog.
type Config struct {
	// Name identifies the grant in logs and telemetry. If empty, it is the
	// client ID.
	Name string

	// Client, if not nil, is shared with other grants. It brings the server and
	// the credentials, so Server, Auth, RevocationAuth, PKCE,
	// PushedAuthorization, Proof, Scheme, Dialect, HTTPClient and
	// InsecureAllowHTTP must be left zero. Scopes, Params and Origins are the
	// Client's unless they are set here.
	Client *Client

	// Server names the authorization server. Server.Issuer alone is enough:
	// what is left empty is discovered at first use.
	Server Server

	// Auth authenticates the client: [SecretBasic], [SecretPost], [SecretFunc],
	// [SecretFile], [Public], [AuthorizationHeader] or package clientassertion.
	Auth ClientAuth

	// RevocationAuth authenticates the client for revocation and introspection.
	// If nil, it is Auth.
	RevocationAuth ClientAuth

	// Scopes are the scopes to ask for. If nil, the choice is the server's.
	Scopes []string

	// Params are extra parameters of token requests, such as audience. resource
	// (RFC 8707) goes to the authorization URL, too.
	Params url.Values

	// PKCE is how a sign-in is protected (RFC 7636). If empty, it is
	// [PKCES256].
	PKCE PKCEMethod

	// PushedAuthorization has authorization requests pushed to the server (RFC
	// 9126) even if it does not require that. Where its metadata does, they are
	// pushed anyway.
	PushedAuthorization bool

	// Scheme stands before the token in the Authorization header, whatever
	// token_type the server names. If empty, it is Bearer, or DPoP where Proof
	// is set; then another token_type is an error, and an absent one counts as
	// the right one.
	Scheme string

	// Dialect is for a server that departs from the RFCs.
	Dialect Dialect

	// Token seeds an empty Store. What the Store holds wins.
	Token Token

	// Store keeps the token. If nil, it is kept in memory.
	Store Store

	// Proof proves possession of the key that tokens are bound to (RFC 9449);
	// see package dpop. If nil, tokens are bearer tokens.
	Proof Prover

	// Refresh says when to renew the token. The zero value is a good schedule.
	Refresh Refresh

	// OnEvent, if not nil, is told of everything that happens to the token. It
	// is called as [Grant.Subscribe] says, from before the grant can do
	// anything.
	OnEvent func(ctx context.Context, e Event)

	// HTTPClient is for requests to the authorization server: its RoundTripper
	// is used, with its proxy and certificates, and it is never modified. If
	// nil, the library has one of its own, which keeps no idle connection for
	// longer than a second and does not connect to an address inside this
	// machine or its network for a host that only a metadata document named.
	HTTPClient *http.Client

	// Logger is told what happens, and no secret. If nil, nothing is logged.
	//
	// The keys are part of the API: grant (Name) is in every record; op, token,
	// error, retry_in, refresh_expiry and events_dropped are the fields of
	// [Event]; server is the host of the authorization server, and took and
	// waited say how long discovery and the lock of the Store have taken.
	// Durations are numbers, in seconds. Failures, a token that could not be
	// saved, and a sign-in that is required or will be soon, are at level Warn;
	// discovery, adoption and waiting for the lock at Debug; the rest is at
	// Info. The messages may change.
	Logger *slog.Logger

	// Origins are where the token may go, as https://host[:port]. If nil, it
	// goes wherever the caller's own request goes, over https.
	Origins []string

	// InsecureAllowHTTP permits http:// beyond loopback. That is safe only
	// where nobody else can read or change what is sent.
	InsecureAllowHTTP bool
}

var (
	errNilContext = errors.New("oauth2grant: the context is nil")
	errNilRequest = errors.New("oauth2grant: the request is nil")
	errNilHeader  = errors.New("oauth2grant: the header is nil")
)

// unusable makes one error of all problems; nil: there are none.
func unusable(problems []error) error {
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrConfig, oneLine(problems))
}

// validator is a Flow that needs something of the Config.
type validator interface{ validate(cfg *Config) []error }

// problems are all that keep a Grant from working with cfg.
func (cfg *Config) problems(flow Flow) []error {
	var all []error
	if cfg.Client != nil {
		all = cfg.sharedClientProblems()
	} else {
		all = cfg.clientProblems()
	}
	all = append(all, cfg.Refresh.validate()...)
	if cfg.Token.AccessToken != "" && (cfg.Client == nil || cfg.Client.session != nil) {
		into := cfg.authorizing()
		if cfg.Client != nil {
			into = cfg.Client.authorizing
		}
		if _, err := into.header(cfg.Token); err != nil {
			all = append(all, fmt.Errorf("the seed in Token can't be used: %w", err))
		}
	}
	all = append(all, cfg.originProblems()...)
	all = append(all, nilProblems("Store", cfg.Store)...)
	if isNil(flow) {
		return append(all, errors.New("the flow is nil"))
	}
	if v, ok := flow.(validator); ok {
		all = append(all, v.validate(cfg)...)
	}
	return all
}

func (cfg *Config) originProblems() []error {
	var all []error
	for _, o := range cfg.Origins {
		if u, err := checkURL(o, true); err != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" {
			all = append(all, fmt.Errorf("%q in Origins is not of the form https://host[:port]", o))
		}
	}
	return all
}

func (cfg *Config) sharedClientProblems() []error {
	if cfg.Client.session == nil {
		return []error{errors.New("Client is not usable: make it by NewClient")}
	}
	if cfg.Server != (Server{}) || cfg.Auth != nil || cfg.RevocationAuth != nil || cfg.PKCE != "" || cfg.Proof != nil ||
		cfg.Scheme != "" || cfg.Dialect.used() || cfg.PushedAuthorization || cfg.HTTPClient != nil ||
		cfg.InsecureAllowHTTP {
		return []error{errors.New("Client is set, so Server, Auth, RevocationAuth, PKCE, PushedAuthorization, Proof, " +
			"Scheme, Dialect, HTTPClient and InsecureAllowHTTP must be empty: they are the Client's")}
	}
	return nil
}

func (cfg *Config) clientProblems() []error {
	var all []error
	add := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	all = append(all, cfg.Server.problems(cfg.InsecureAllowHTTP)...)
	if cfg.Server.MTLS && cfg.HTTPClient == nil {
		all = append(all, errNoCertificate)
	}
	if isNil(cfg.Auth) {
		add("Auth is nil: use SecretBasic, SecretPost, SecretFunc, SecretFile, AuthorizationHeader or Public")
	} else {
		all = append(all, authProblems("Auth", cfg.Auth)...)
		all = append(all, issuerProblems("Auth", cfg.Auth, cfg.Server.Issuer)...)
	}
	all = append(all, nilProblems("Proof", cfg.Proof)...)
	all = append(all, nilProblems("RevocationAuth", cfg.RevocationAuth)...)
	if !isNil(cfg.RevocationAuth) {
		all = append(all, authProblems("RevocationAuth", cfg.RevocationAuth)...)
		all = append(all, issuerProblems("RevocationAuth", cfg.RevocationAuth, cfg.Server.Issuer)...)
	}
	switch cfg.PKCE {
	case "", PKCES256, PKCEPlain, PKCENone:
	default:
		add("unknown PKCEMethod %q: use PKCES256, PKCEPlain or PKCENone", string(cfg.PKCE))
	}
	switch {
	case cfg.Scheme != "" && !isToken(cfg.Scheme):
		add("Scheme %q is not the name of an authentication scheme", cfg.Scheme)
	case cfg.Scheme != "" && cfg.Proof != nil:
		add("Scheme and Proof are both set: with a proof of possession the scheme is DPoP")
	}
	return all
}

func authProblems(field string, auth ClientAuth) []error {
	var all []error
	if auth.ClientID() == "" {
		all = append(all, fmt.Errorf("%s has no client id", field))
	}
	if v, ok := auth.(interface{ validate() error }); ok {
		if err := v.validate(); err != nil {
			all = append(all, fmt.Errorf("%s: %w", field, err))
		}
	}
	return all
}

// nilProblems refuses a nil pointer in an interface that may itself be nil.
func nilProblems(field string, v any) []error {
	if v == nil || !isNil(v) {
		return nil
	}
	return []error{fmt.Errorf("%s is a nil %T: leave it out, or set it", field, v)}
}

// isNil also knows a nil pointer in an interface, which would panic far from
// its cause.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map:
		return r.IsNil()
	default:
		return false
	}
}

// String names the server and the client.
func (cfg Config) String() string {
	if cfg.Client != nil {
		return fmt.Sprintf("Config{%q, %v}", cfg.Name, cfg.Client)
	}
	id := ""
	if !isNil(cfg.Auth) {
		id = cfg.Auth.ClientID()
	}
	return fmt.Sprintf("Config{%q, issuer %q, client %q, scopes %q}", cfg.Name, cfg.Server.Issuer, id, cfg.Scopes)
}

// Format implements [fmt.Formatter]: no verb shows a secret.
func (cfg Config) Format(f fmt.State, _ rune) { formatRedacted(f, cfg.String()) }

// LogValue implements [slog.LogValuer].
func (cfg Config) LogValue() slog.Value { return slog.StringValue(cfg.String()) }
