package apiauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/oauth2grant/go-oauth2grant/internal/weburl"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// Config says how to sign in. Its zero value opens a browser, and keeps nothing
// beyond the life of the process.
type Config struct {
	// Name is that of the program, which the server shows to the person. If
	// empty, it is "oauth2grant".
	Name string

	// Store returns the store of a key, which is a name of letters, digits and
	// hyphens: one for what was learnt of the API, and one for the token of
	// each account. It returns the same place for the same key in each process
	// that is to share a sign-in. See [Files]. If nil, all is kept in memory.
	Store func(key string) (oauth2grant.Store, error)

	// Account returns the account that a request is made for. Each has a
	// sign-in of its own. If nil, there is one account, whose name is empty.
	Account func(req *http.Request) string

	// Flow obtains the token. If nil, it is [oauth2grant.AuthCode].
	Flow oauth2grant.Flow

	// Clients are those that were registered by hand, by the issuer of their
	// server. One with the key "" is for whichever server the API names: that
	// server gets what authenticates the client, so use it with a secret only
	// where the API is trusted with that.
	Clients map[string]oauth2grant.ClientAuth

	// ClientMetadataURL is that of the client metadata document of the program,
	// for servers that read such. It is https.
	ClientMetadataURL string

	// RedirectURIs are registered. If nil, they follow from the Callback of an
	// [oauth2grant.AuthCode].
	RedirectURIs []string

	// Scopes are asked for besides those that the API demands.
	Scopes []string

	// Proof proves possession of the key that tokens are bound to (RFC 9449);
	// see package dpop. If nil, tokens are bearer tokens.
	Proof oauth2grant.Prover

	// Refresh says when to renew tokens. The zero value is a good schedule.
	Refresh oauth2grant.Refresh

	// HTTPClient is for all requests but those to the API itself: its
	// RoundTripper is used. It is for it then to keep away from addresses
	// inside that a name is resolved to. If nil, there is one that does.
	HTTPClient *http.Client

	// AllowInside permits that the API names addresses inside this machine or
	// its network. It is for an API that is inside itself, and trusted.
	AllowInside bool

	// GuessEndpoints permits to sign in at /authorize, /token and /register of
	// the API's own origin where neither the API nor that origin has metadata.
	GuessEndpoints bool

	// OnEvent, if not nil, is told of what happens to the token of an account;
	// see [oauth2grant.Config].
	OnEvent func(ctx context.Context, account string, e oauth2grant.Event)

	// Logger is told what happens, and no secret. If nil, nothing is logged.
	Logger *slog.Logger
}

const defaultName = "oauth2grant"

func (cfg Config) withDefaults() Config {
	if cfg.Name == "" {
		cfg.Name = defaultName
	}
	if cfg.Store == nil {
		cfg.Store = newMemory().open
	}
	if cfg.Account == nil {
		cfg.Account = func(*http.Request) string { return "" }
	}
	if cfg.Flow == nil {
		cfg.Flow = oauth2grant.AuthCode{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// check returns the API's URL, and why cfg cannot be used.
func (cfg Config) check(api string) (*url.URL, error) {
	u, err := weburl.Check(api, false)
	if err != nil {
		return nil, fmt.Errorf("%w: the address of the API %w", oauth2grant.ErrConfig, err)
	}
	for issuer, client := range cfg.Clients {
		if client == nil {
			return nil, fmt.Errorf("%w: apiauth: the client of %q is nil", oauth2grant.ErrConfig, issuer)
		}
		if issuer == "" {
			continue
		}
		if _, err := weburl.Check(issuer, false); err != nil {
			return nil, fmt.Errorf("%w: apiauth: the issuer %q in Clients %w", oauth2grant.ErrConfig, issuer, err)
		}
	}
	if raw := cfg.ClientMetadataURL; raw != "" {
		doc, err := weburl.Check(raw, false)
		if err == nil && (doc.Scheme != "https" || len(doc.Path) < 2) {
			err = errors.New("is not https, or has no path")
		}
		if err != nil {
			return nil, fmt.Errorf("%w: apiauth: ClientMetadataURL %w", oauth2grant.ErrConfig, err)
		}
	}
	return u, nil
}
