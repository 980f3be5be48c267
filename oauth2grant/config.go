package oauth2grant

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
)

// Config says what a Grant, or a Client, works with. Server and Auth, or Client, are needed; every other zero field is a good default. It is copied when it is
// used. It shows no secret when it is given to fmt or slog.
type Config struct {
	Name              string       // for logs and telemetry; zero: the client id
	Client            *Client      // shared by many grants; then Server, Auth, RevocationAuth, PKCE, Proof, HTTPClient and InsecureAllowHTTP stay empty
	Server            Server       // Server.Issuer alone is enough: what is left empty is discovered at first use
	Auth              ClientAuth   // SecretBasic, SecretPost, SecretFunc, SecretFile, Public, or package clientassertion
	RevocationAuth    ClientAuth   // of revocation and introspection, where it differs
	Scopes            []string     // nil leaves the choice to the server
	Params            url.Values   // extra parameters of token requests (audience, …); resource (RFC 8707) goes to the authorization URL too
	PKCE              PKCEMethod   // zero: PKCES256; PKCEPlain and PKCENone only on explicit wish
	Token             Token        // seeds an empty Store; what the Store holds wins
	Store             Store        // nil keeps the token in memory
	Proof             Prover       // nil means bearer tokens; see package dpop
	Refresh           Refresh      // the zero value is a good schedule
	Hooks             Hooks        // nil funcs are skipped
	HTTPClient        *http.Client // of the authorization server: its RoundTripper is used (proxy, certificates), never modified; nil: one of our own
	Logger            *slog.Logger // nil discards; no secret is ever logged
	Origins           []string     // where the token may go, as https://host[:port]; nil: wherever the caller's own request goes, over https
	InsecureAllowHTTP bool         // permit http:// beyond loopback
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
	return fmt.Errorf("oauth2grant: unusable Config: %w", errors.Join(problems...))
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
		proving := cfg.Proof != nil || cfg.Client != nil && cfg.Client.proof != nil
		if _, err := scheme(defaultType(cfg.Token).TokenType, proving); err != nil {
			all = append(all, fmt.Errorf("the seed in Token can't be used: %w", err))
		}
	}
	for _, o := range cfg.Origins {
		if u, err := checkURL(o, true); err != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" {
			all = append(all, fmt.Errorf("%q in Origins is not of the form https://host[:port]", o))
		}
	}
	if isNil(flow) {
		return append(all, errors.New("the flow is nil"))
	}
	if v, ok := flow.(validator); ok {
		all = append(all, v.validate(cfg)...)
	}
	return all
}

func (cfg *Config) sharedClientProblems() []error {
	if cfg.Client.session == nil {
		return []error{errors.New("Client is not usable: make it by NewClient")}
	}
	if cfg.Server != (Server{}) || cfg.Auth != nil || cfg.RevocationAuth != nil || cfg.PKCE != "" || cfg.Proof != nil || cfg.HTTPClient != nil || cfg.InsecureAllowHTTP {
		return []error{errors.New("Client is set, so Server, Auth, RevocationAuth, PKCE, Proof, HTTPClient and InsecureAllowHTTP must be empty: they are the Client's")}
	}
	return nil
}

func (cfg *Config) clientProblems() []error {
	var all []error
	add := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	s := cfg.Server
	if s.Issuer == "" && s.TokenURL == "" {
		add("Server has neither Issuer nor TokenURL")
	}
	if s.Issuer != "" {
		if _, err := checkURL(s.Issuer, cfg.InsecureAllowHTTP); err != nil {
			add("Server.Issuer %w", err)
		}
	}
	names := []string{"TokenURL", "RefreshURL", "AuthURL", "DeviceAuthURL", "RevocationURL", "IntrospectionURL", "UserInfoURL", "PARURL"}
	for i, e := range s.endpoints() {
		if *e.field == "" {
			continue
		}
		if _, err := checkURL(*e.field, cfg.InsecureAllowHTTP); err != nil {
			add("Server.%s %w", names[i], err)
		}
	}
	if isNil(cfg.Auth) {
		add("Auth is nil: use SecretBasic, SecretPost, SecretFunc, SecretFile or Public")
	} else {
		all = append(all, authProblems("Auth", cfg.Auth)...)
		all = append(all, issuerProblems("Auth", cfg.Auth, s.Issuer)...)
	}
	if !isNil(cfg.RevocationAuth) {
		all = append(all, authProblems("RevocationAuth", cfg.RevocationAuth)...)
		all = append(all, issuerProblems("RevocationAuth", cfg.RevocationAuth, s.Issuer)...)
	}
	switch cfg.PKCE {
	case "", PKCES256, PKCEPlain, PKCENone:
	default:
		add("unknown PKCEMethod %q: use PKCES256, PKCEPlain or PKCENone", string(cfg.PKCE))
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

// isNil also knows a nil pointer in an interface, which would panic far from its cause.
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

// roundTripper gives what the client's requests go through, and a func that closes its idle connections.
func (cfg *Config) roundTripper() (http.RoundTripper, func()) {
	rt := roundTripper(cfg.HTTPClient)
	if cfg.HTTPClient != nil {
		return rt, func() {} // the user's, who may use it elsewhere
	}
	return rt, (&http.Client{Transport: rt}).CloseIdleConnections
}

func roundTripper(hc *http.Client) http.RoundTripper {
	if hc != nil && hc.Transport != nil {
		return hc.Transport
	}
	if standard, ok := http.DefaultTransport.(*http.Transport); ok && hc == nil {
		own := standard.Clone()
		own.MaxResponseHeaderBytes = 1 << 20
		return own
	}
	return http.DefaultTransport
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

// Format implements fmt.Formatter: no verb shows a secret.
func (cfg Config) Format(f fmt.State, _ rune) { formatRedacted(f, cfg.String()) }

// LogValue implements slog.LogValuer.
func (cfg Config) LogValue() slog.Value { return slog.StringValue(cfg.String()) }
