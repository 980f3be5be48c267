package oauth2grant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/cli/browser"

	"github.com/oauth2grant/go-oauth2grant/callbackserver"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/engine"
)

// AuthCode is the authorization code grant of a native application (RFC 6749
// §4.1, RFC 8252), with PKCE: it opens a browser and receives the answer on a
// loopback port that is open only for so long. A web application uses
// [Client.BeginAuthorization] instead.
type AuthCode struct {
	// Open shows authURL to the person. It must not wait for the sign-in, and
	// must return when ctx ends. Nil writes the URL to standard error and opens
	// the system browser: by a link to Callback's port that works once, so that
	// the arguments of the browser's command, which every user of the machine
	// can read, show neither state nor code challenge; by authURL itself where
	// Paste or Callback says that the browser may be on another machine.
	Open func(ctx context.Context, authURL string) error

	// Paste waits for the person to paste the address of the page that the
	// sign-in ended on, as long as ctx lasts, while the loopback port is open
	// too. It is asked again if what it returned cannot be used, up to twenty
	// times in all; [PasteProblem] of ctx says why. Package terminalprompt has
	// one. The query of the address alone will do, and so will a bare code, if
	// there is PKCE and the server does not promise to name itself in its
	// answers (RFC 9207).
	//
	// An error says that nothing will be pasted, and leaves the loopback port.
	// A Paste that cannot be stopped, since it reads a terminal, is left behind
	// until it returns. Nil means no pasting.
	Paste func(ctx context.Context) (string, error)

	// Callback is where the answer arrives. Its zero value is 127.0.0.1, a free
	// port and /callback. Its Name, if empty, is [Config.Name].
	Callback callbackserver.Config

	// OnCallback, if not nil, sees the parameters of an answer that has passed
	// every check, without code and state: what a server adds to its redirect,
	// such as the account that was chosen. An error ends the sign-in, and the
	// code is not used. It must return when ctx ends. It is not called for a
	// bare code that was pasted.
	OnCallback func(ctx context.Context, answer url.Values) error

	// VerifyIDToken, if not nil, checks the ID token of a new token before
	// anybody sees either, with [Authorization.CheckNonce] among others. An
	// error ends the sign-in. It must return when ctx ends, and refuse a token
	// without an ID token itself.
	VerifyIDToken func(ctx context.Context, a Authorization, t Token) error

	// Timeout is how long the person has. Zero means 5 minutes.
	Timeout time.Duration

	// Params are added to the authorization request: prompt, login_hint, and
	// others that [Client.BeginAuthorization] does not set.
	Params url.Values
}

const defaultSignInTimeout = 5 * time.Minute

// Interactive returns true.
func (AuthCode) Interactive() bool { return true }

func (AuthCode) op() string { return OpAuthorizationCode }

func (a AuthCode) validate(cfg *Config) []error {
	var problems []error
	if a.Timeout < 0 {
		problems = append(problems, errors.New("AuthCode.Timeout is negative"))
	}
	if cfg.Client == nil && cfg.Server.Issuer == "" && cfg.Server.AuthURL == "" {
		problems = append(problems, errors.New("AuthCode: Server has neither Issuer nor AuthURL"))
	}
	auth, method := cfg.Auth, cfg.PKCE
	if cfg.Client != nil && cfg.Client.session != nil {
		auth, method = cfg.Client.auth, cfg.Client.pkce
	}
	if lacksPKCE(auth, method) {
		problems = append(problems, fmt.Errorf("AuthCode: %w", errNoPKCE))
	}
	for _, name := range reserved {
		if a.Params.Has(name) {
			problems = append(problems, fmt.Errorf("AuthCode.Params must not set %s", name))
		}
	}
	return problems
}

// Run asks a person to sign in. It returns [ErrAuthorizationTimeout] when they
// do not within Timeout, together with [ErrOtherState] where they have finished
// an older sign-in meanwhile; an [*Error] with [AccessDenied] when they refuse;
// [callbackserver.ErrPortTaken] when another program has the port;
// [ErrBadPaste] when they paste something else once too often; or an error of
// one of the fields of a.
func (a AuthCode) Run(ctx context.Context, c *Client) (Token, error) {
	timeout := cmp.Or(a.Timeout, defaultSignInTimeout)
	signIn, cancel := context.WithTimeoutCause(ctx, timeout, ErrAuthorizationTimeout)
	defer cancel()

	callback := a.Callback
	callback.Name = cmp.Or(callback.Name, c.name)
	receiver, err := callbackserver.Listen(signIn, callback)
	if err != nil {
		return Token{}, fmt.Errorf("oauth2grant: listen for the answer to the sign-in: %w", err)
	}
	defer func() { _ = receiver.Close() }()
	request, err := c.BeginAuthorization(signIn, receiver.RedirectURI(), a.Params)
	if err != nil {
		return Token{}, err
	}
	receiver.Expect(request.State)
	if err := a.open(signIn, receiver, request.URL); err != nil {
		return Token{}, fmt.Errorf("oauth2grant: open the browser: %w", err)
	}
	answer, err := a.await(signIn, c, receiver, request)
	if err != nil {
		return Token{}, endOfSignIn(signIn, err)
	}
	engine.Commit(ctx)
	return a.finish(ctx, c, request, answer)
}

// endOfSignIn returns why a sign-in came to nothing.
func endOfSignIn(signIn context.Context, err error) error {
	switch {
	case signIn.Err() == nil:
		return err
	case errors.Is(err, callbackserver.ErrOtherState):
		return fmt.Errorf("%w; the answer that came meanwhile was no help: %w", context.Cause(signIn), ErrOtherState)
	}
	return context.Cause(signIn)
}

// finish turns the answer into a token, if every check of it succeeds.
func (a AuthCode) finish(ctx context.Context, c *Client, request Authorization, answer signInAnswer) (Token, error) {
	if !answer.bare {
		if err := c.checkResponse(ctx, request, answer.response); err != nil {
			return Token{}, err
		}
		answer.code = answer.response.Get("code")
		if err := a.callback(ctx, answer.response); err != nil {
			return Token{}, fmt.Errorf("oauth2grant: AuthCode.OnCallback: %w", err)
		}
	}
	t, err := c.exchangeCode(ctx, request, answer.code)
	if err != nil || a.VerifyIDToken == nil {
		return t, err
	}
	if err := a.VerifyIDToken(ctx, request, t); err != nil {
		return Token{}, fmt.Errorf("oauth2grant: AuthCode.VerifyIDToken: %w", err)
	}
	return t, nil
}

func (a AuthCode) callback(ctx context.Context, response url.Values) error {
	if a.OnCallback == nil {
		return nil
	}
	rest := maps.Clone(response)
	rest.Del("code")
	rest.Del("state")
	return a.OnCallback(ctx, rest)
}

func (a AuthCode) open(ctx context.Context, receiver *callbackserver.Server, authURL string) error {
	if a.Open != nil {
		return a.Open(ctx, authURL)
	}
	fmt.Fprintf(os.Stderr, "To sign in, open this page in your browser:\n\n  %s\n\n", authURL)
	link := authURL
	if a.Paste == nil && a.Callback.RedirectURI == "" && !a.Callback.AllowNonLoopback {
		link = receiver.Start(authURL)
	}
	// The command that opens a browser may stay as long as the browser does;
	// where it fails there is the URL.
	engine.Detach(func() {
		quietBrowser()
		_ = browser.OpenURL(link)
	})
	return nil
}

// quietBrowser keeps the command that opens a browser from writing into the
// output of the program.
var quietBrowser = sync.OnceFunc(func() { browser.Stdout = os.Stderr })

// signInAnswer is what came back: the parameters of the redirect, or a code
// that a person pasted.
type signInAnswer struct {
	response url.Values
	code     string
	bare     bool
}

// await returns the first answer, at the loopback port or pasted.
func (a AuthCode) await(
	ctx context.Context, c *Client, receiver *callbackserver.Server, request Authorization,
) (signInAnswer, error) {
	if a.Paste == nil {
		response, err := receiver.Wait(ctx, request.State)
		return signInAnswer{response: response}, err
	}
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	type result struct {
		answer signInAnswer
		err    error
	}
	pasted := make(chan result, 1)
	engine.Detach(func() { // who reads a terminal can't be stopped
		answer, err := a.paste(waiting, c, request)
		if !errors.Is(err, errNothingPasted) {
			pasted <- result{answer, err}
			stop()
		}
	})
	response, err := receiver.Wait(waiting, request.State)
	if err == nil {
		return signInAnswer{response: response}, nil
	}
	select {
	case r := <-pasted:
		return r.answer, r.err
	default:
		return signInAnswer{}, err
	}
}
