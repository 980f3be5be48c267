package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

// DeviceCode is the device authorization grant (RFC 8628): the person signs in on another device, with a code.
type DeviceCode struct {
	Prompt func(ctx context.Context, p DevicePrompt) error // nil: standard error; must not wait for the sign-in
	PKCE   bool                                            // send a code challenge with the device request
	Params url.Values                                      // of the device request
}

// DevicePrompt is what the person needs: open VerificationURI and enter UserCode, or open VerificationURIComplete, before Expiry.
type DevicePrompt struct {
	UserCode, VerificationURI string
	VerificationURIComplete   string // with the code in it; empty where the server gave none
	Expiry                    time.Time
}

const (
	opDevice              = "device_authorization"
	defaultDeviceInterval = 5 * time.Second // RFC 8628 §3.2
	slowDownStep          = 5 * time.Second // RFC 8628 §3.5
	defaultDeviceLifetime = 10 * time.Minute
	longestPollPause      = 5 * time.Minute
)

// Interactive is true.
func (DeviceCode) Interactive() bool { return true }

func (DeviceCode) op() string { return OpDeviceCode }

func (d DeviceCode) validate(cfg *Config) []error {
	if cfg.Client == nil && cfg.Server.Issuer == "" && cfg.Server.DeviceAuthURL == "" {
		return []error{errors.New("DeviceCode: Server has neither Issuer nor DeviceAuthURL")}
	}
	pkce := cfg.PKCE
	if cfg.Client != nil && cfg.Client.session != nil {
		pkce = cfg.Client.pkce
	}
	if d.PKCE && pkce == PKCENone {
		return []error{errors.New("DeviceCode.PKCE is set, but Config.PKCE is PKCENone")}
	}
	return nil
}

// Run asks a person to sign in on another device, and polls until they have. It gives ErrAuthorizationTimeout when the code expires first, and an *Error with
// AccessDenied when they refuse.
func (d DeviceCode) Run(ctx context.Context, c *Client) (Token, error) {
	request, err := d.begin(ctx, c)
	if err != nil {
		return Token{}, err
	}
	prompt := d.Prompt
	if prompt == nil {
		prompt = promptOnStandardError
	}
	if err := prompt(ctx, request.prompt); err != nil {
		return Token{}, fmt.Errorf("oauth2grant: show the device code: %w", err)
	}
	return request.poll(ctx, c)
}

// deviceRequest is a device authorization under way.
type deviceRequest struct {
	prompt   DevicePrompt
	token    url.Values // of each poll
	scope    string
	interval time.Duration
}

// begin makes the device authorization request (RFC 8628 §3.1).
func (d DeviceCode) begin(ctx context.Context, c *Client) (*deviceRequest, error) {
	endpoint, server, err := c.endpointOf(ctx, opDevice, func(s Server) string { return s.DeviceAuthURL })
	if err != nil {
		return nil, err
	}
	if !server.supports(metaGrantTypes, grantDevice) {
		return nil, refuse(opDevice, "the server does not offer the device grant (%s): %w", metaGrantTypes, errors.ErrUnsupported)
	}
	params := url.Values{}
	for name, values := range d.Params {
		params[name] = values
	}
	params.Set("client_id", c.auth.ClientID())
	if !params.Has("scope") && len(c.scopes) > 0 {
		params.Set("scope", strings.Join(c.scopes, " "))
	}
	if resource := c.params["resource"]; len(resource) > 0 && !params.Has("resource") {
		params["resource"] = resource
	}
	r := &deviceRequest{token: form("grant_type", grantDevice), scope: params.Get("scope")}
	if d.PKCE {
		method := c.pkce.orDefault()
		verifier := unguessable()
		params.Set("code_challenge", method.challenge(verifier))
		params.Set("code_challenge_method", string(method))
		r.token.Set("code_verifier", verifier)
	}
	sent := clockNow()
	var answer deviceAnswer
	if err := c.postTo(ctx, opDevice, endpoint, c.auth, params, &answer); err != nil {
		return nil, err
	}
	return r, r.read(answer, sent)
}

// deviceAnswer is that of RFC 8628 §3.2, with the other spelling that some servers have.
type deviceAnswer struct {
	DeviceCode              string      `json:"device_code"`
	UserCode                string      `json:"user_code"`
	VerificationURI         string      `json:"verification_uri"`
	VerificationURL         string      `json:"verification_url"`
	VerificationURIComplete string      `json:"verification_uri_complete"`
	ExpiresIn               wire.Number `json:"expires_in"`
	Interval                wire.Number `json:"interval"`
}

func (r *deviceRequest) read(a deviceAnswer, sent time.Time) error {
	if a.VerificationURI == "" {
		a.VerificationURI = a.VerificationURL
	}
	if a.DeviceCode == "" || a.UserCode == "" || a.VerificationURI == "" {
		return &Error{Op: opDevice, cause: errors.New("the answer lacks device_code, user_code or verification_uri")}
	}
	lifetime := saneLifetime(int64(a.ExpiresIn))
	setDefault(&lifetime, defaultDeviceLifetime)
	r.interval = saneLifetime(int64(a.Interval))
	setDefault(&r.interval, defaultDeviceInterval)
	r.token.Set("device_code", a.DeviceCode)
	r.prompt = DevicePrompt{
		UserCode: a.UserCode, VerificationURI: a.VerificationURI, VerificationURIComplete: a.VerificationURIComplete, Expiry: wall(sent.Add(lifetime)),
	}
	return nil
}

// poll asks for the token (RFC 8628 §3.4), first after one interval. Where no answer comes it waits twice as long before the next poll, each time.
func (r *deviceRequest) poll(ctx context.Context, c *Client) (Token, error) {
	wait := r.interval
	for {
		if err := r.pause(ctx, wait); err != nil {
			return Token{}, err
		}
		t, err := r.ask(ctx, c)
		switch {
		case err == nil:
			return t, nil
		case ctx.Err() != nil:
			return Token{}, context.Cause(ctx)
		case errors.Is(err, AuthorizationPending):
			wait = r.interval
		case errors.Is(err, SlowDown):
			r.interval += slowDownStep
			if e, ok := errors.AsType[*Error](err); ok {
				r.interval = max(r.interval, e.interval)
			}
			wait = r.interval
		case errors.Is(err, ExpiredToken):
			return Token{}, fmt.Errorf("%w: %w", ErrAuthorizationTimeout, err)
		case IsTransient(err):
			wait = min(2*wait, longestPollPause)
			if e, ok := errors.AsType[*Error](err); ok {
				wait = max(wait, e.RetryAfter)
			}
		default:
			return Token{}, err
		}
	}
}

func (r *deviceRequest) ask(ctx context.Context, c *Client) (Token, error) {
	return c.token(ctx, exchange{op: grantDevice, form: c.merged(r.token), scope: r.scope})
}

// pause waits before the next poll, unless the code expires first.
func (r *deviceRequest) pause(ctx context.Context, wait time.Duration) error {
	if clockNow().Add(wait).After(r.prompt.Expiry) {
		return fmt.Errorf("%w: the device code has expired", ErrAuthorizationTimeout)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func promptOnStandardError(_ context.Context, p DevicePrompt) error {
	fmt.Fprintf(os.Stderr, "To sign in, open %s and enter the code %s\n", printable(p.VerificationURI), printable(p.UserCode))
	if p.VerificationURIComplete != "" {
		fmt.Fprintf(os.Stderr, "or open %s\n", printable(p.VerificationURIComplete))
	}
	return nil
}
