package oauth2grant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// DeviceCode is the device authorization grant (RFC 8628): the person signs in
// on another device, with a code.
type DeviceCode struct {
	// Prompt shows the person what to do. It must not wait for the sign-in, and
	// must return when ctx ends. Nil writes to standard error.
	Prompt func(ctx context.Context, p DevicePrompt) error

	// PKCE sends a code challenge with the device request, as some servers
	// want.
	PKCE bool

	// Timeout is how long the person has at most; the code may end earlier.
	// Zero means one hour.
	Timeout time.Duration

	// Params are added to the device request.
	Params url.Values
}

const (
	defaultDeviceInterval = 5 * time.Second // RFC 8628 §3.2
	slowDownStep          = 5 * time.Second // RFC 8628 §3.5
	defaultDeviceLifetime = 10 * time.Minute
	defaultDeviceTimeout  = time.Hour
	longestPollPause      = 5 * time.Minute
)

// Interactive returns true.
func (DeviceCode) Interactive() bool { return true }

func (DeviceCode) op() string { return OpDeviceCode }

func (d DeviceCode) validate(cfg *Config) []error {
	if cfg.Client == nil && cfg.Server.Issuer == "" && cfg.Server.DeviceAuthURL == "" {
		return []error{errors.New("DeviceCode: Server has neither Issuer nor DeviceAuthURL")}
	}
	if d.Timeout < 0 {
		return []error{errors.New("DeviceCode.Timeout is negative")}
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

// Run asks a person to sign in on another device, and polls until they have. It
// returns [ErrAuthorizationTimeout], which says why the last poll failed if it
// did, when the code or Timeout ends first, and an [*Error] with [AccessDenied]
// when they refuse. An answer without an OAuth error, from what stands before
// the server, does not end the polls.
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
	end      time.Time // of the polls, on the monotonic clock
}

// begin makes the device authorization request (RFC 8628 §3.1).
func (d DeviceCode) begin(ctx context.Context, c *Client) (*deviceRequest, error) {
	endpoint, server, err := c.endpointOf(ctx, OpDeviceAuthorization, func(s Server) string { return s.DeviceAuthURL })
	if err != nil {
		return nil, err
	}
	if !server.supports(metaGrantTypes, OpDeviceCode) {
		return nil, refuse(OpDeviceAuthorization,
			"the server does not offer the device grant (%s): %w", metaGrantTypes, errors.ErrUnsupported)
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
	r := &deviceRequest{token: form("grant_type", OpDeviceCode), scope: params.Get("scope")}
	if d.PKCE {
		method := c.pkce.orDefault()
		verifier := unguessable()
		params.Set("code_challenge", method.challenge(verifier))
		params.Set("code_challenge_method", string(method))
		r.token.Set("code_verifier", verifier)
	}
	began, sent := time.Now(), wallNow()
	var answer deviceAnswer
	if err := c.postTo(ctx, OpDeviceAuthorization, endpoint, c.auth, params, &answer); err != nil {
		return nil, err
	}
	lifetime := min(answer.lifetime(), cmp.Or(d.Timeout, defaultDeviceTimeout))
	r.end = began.Add(lifetime)
	r.prompt, err = answer.prompt(sent.Add(lifetime), c.insecure)
	r.interval = answer.interval()
	r.token.Set("device_code", answer.DeviceCode)
	return r, err
}

// poll asks for the token (RFC 8628 §3.4), first after one interval. Where no
// answer comes it waits twice as long before the next poll, each time.
func (r *deviceRequest) poll(ctx context.Context, c *Client) (Token, error) {
	var last error // of the polls that the server itself did not answer
	wait := r.interval
	for {
		if err := r.pause(ctx, wait, last); err != nil {
			return Token{}, err
		}
		t, err := r.ask(ctx, c)
		switch {
		case err == nil:
			return t, nil
		case ctx.Err() != nil:
			return Token{}, context.Cause(ctx)
		case errors.Is(err, AuthorizationPending):
			wait, last = r.interval, nil
		case errors.Is(err, SlowDown):
			r.interval += slowDownStep
			if e, ok := errors.AsType[*Error](err); ok {
				r.interval = max(r.interval, min(e.interval, longestPollPause))
			}
			wait, last = r.interval, nil
		case errors.Is(err, ExpiredToken):
			return Token{}, fmt.Errorf("%w: %w", ErrAuthorizationTimeout, err)
		case survivesPoll(err):
			wait, last = min(2*wait, longestPollPause), err
			if e, ok := errors.AsType[*Error](err); ok {
				wait = max(wait, e.RetryAfter)
			}
		default:
			return Token{}, err
		}
	}
}

// survivesPoll reports whether the polls go on after err: the server was busy
// or out of reach, or something before it answered. The person may be about to
// approve.
func survivesPoll(err error) bool {
	if IsTransient(err) {
		return true
	}
	e, ok := errors.AsType[*Error](err)
	return ok && e.page()
}

func (r *deviceRequest) ask(ctx context.Context, c *Client) (Token, error) {
	return c.token(ctx, exchange{op: OpDeviceCode, form: c.merged(r.token), scope: r.scope})
}

// pause waits before the next poll, unless the code expires first. The wall
// clock has no say in that: it may be set while the person is signing in.
func (r *deviceRequest) pause(ctx context.Context, wait time.Duration, last error) error {
	if time.Until(r.end) < wait {
		if last != nil { // its text alone: what it wraps may hold a secret
			return fmt.Errorf(
				"%w: the device code has expired; the last poll failed: %s", ErrAuthorizationTimeout, last.Error())
		}
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
