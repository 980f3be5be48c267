package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/cli/browser"

	"github.com/oauth2grant/go-oauth2grant/callbackserver"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/engine"
)

// AuthCode is the authorization code grant of a native application (RFC 6749 §4.1, RFC 8252), with PKCE: it opens a browser and receives the answer on a
// loopback port that is open only for so long. A web application uses Client.BeginAuthorization instead.
//
// Paste waits for a person to paste, as long as its ctx lasts, and is asked again, a few times, if what it gave is neither an address nor a code. An error or
// an empty text says that nothing will be pasted; the loopback goes on. A Paste that can't be stopped, since it reads a terminal, is left behind until it
// returns.
type AuthCode struct {
	Open     func(ctx context.Context, authURL string) error // nil: the system browser, and the URL on standard error; must not wait for the sign-in
	Paste    func(ctx context.Context) (string, error)       // nil: none; the pasted callback URL or code, raced against the loopback; see below
	Callback callbackserver.Config                           // zero: 127.0.0.1, a free port, /callback
	Timeout  time.Duration                                   // zero: 5 min
	Params   url.Values                                      // of the authorization URL: prompt, login_hint, …
}

const (
	defaultSignInTimeout = 5 * time.Minute
	mostPastes           = 3
)

// Interactive is true.
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
	for _, name := range reserved {
		if a.Params.Has(name) {
			problems = append(problems, fmt.Errorf("AuthCode.Params must not set %s", name))
		}
	}
	return problems
}

// Run asks a person to sign in. It gives ErrAuthorizationTimeout when they do not within Timeout, and an *Error with AccessDenied when they refuse.
func (a AuthCode) Run(ctx context.Context, c *Client) (Token, error) {
	timeout := a.Timeout
	setDefault(&timeout, defaultSignInTimeout)
	signIn, cancel := context.WithTimeoutCause(ctx, timeout, ErrAuthorizationTimeout)
	defer cancel()

	receiver, err := callbackserver.Listen(signIn, a.Callback)
	if err != nil {
		return Token{}, fmt.Errorf("oauth2grant: listen for the answer to the sign-in: %w", err)
	}
	defer func() { _ = receiver.Close() }()
	request, err := c.BeginAuthorization(signIn, receiver.RedirectURI(), a.Params)
	if err != nil {
		return Token{}, err
	}
	receiver.Expect(request.State)
	if err := a.open(signIn, request.URL); err != nil {
		return Token{}, fmt.Errorf("oauth2grant: open the browser: %w", err)
	}
	answer, err := a.await(signIn, receiver, request)
	if err != nil {
		if signIn.Err() != nil {
			return Token{}, context.Cause(signIn)
		}
		return Token{}, err
	}
	engine.Commit(ctx)
	if answer.bare {
		return c.exchangeCode(ctx, request, answer.code)
	}
	return c.FinishAuthorization(ctx, request, answer.response)
}

func (a AuthCode) open(ctx context.Context, authURL string) error {
	if a.Open != nil {
		return a.Open(ctx, authURL)
	}
	fmt.Fprintf(os.Stderr, "To sign in, open this page in your browser:\n\n  %s\n\n", authURL)
	// The command that opens a browser may stay as long as the browser does; where it fails there is the URL.
	engine.Detach(func() {
		quietBrowser()
		_ = browser.OpenURL(authURL)
	})
	return nil
}

// signInAnswer is what came back: the parameters of the redirect, or a code that a person pasted.
type signInAnswer struct {
	response url.Values
	code     string
	bare     bool
}

// quietBrowser keeps the command that opens a browser from writing into the output of the program.
var quietBrowser = sync.OnceFunc(func() { browser.Stdout = os.Stderr })

// await gives the first answer: at the loopback port, or pasted.
func (a AuthCode) await(ctx context.Context, receiver *callbackserver.Server, request Authorization) (signInAnswer, error) {
	if a.Paste == nil {
		response, err := receiver.Wait(ctx, request.State)
		return signInAnswer{response: response}, err
	}
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	pasted := make(chan signInAnswer, 1)
	engine.Detach(func() { // who reads a terminal can't be stopped
		answer, err := a.paste(waiting)
		if err == nil {
			pasted <- answer
		}
		if !errors.Is(err, errNothingPasted) {
			stop(err)
		}
	})
	response, err := receiver.Wait(waiting, request.State)
	if err == nil {
		return signInAnswer{response: response}, nil
	}
	select {
	case answer := <-pasted:
		return answer, nil
	default:
	}
	if cause := context.Cause(waiting); errors.Is(cause, errNotPasted) {
		return signInAnswer{}, cause
	}
	return signInAnswer{}, err
}

var errNothingPasted = errors.New("nothing was pasted")

// paste asks for the answer, again if what was pasted is none.
func (a AuthCode) paste(ctx context.Context) (answer signInAnswer, err error) {
	for range mostPastes {
		text, failed := a.Paste(ctx)
		if failed != nil || strings.TrimSpace(text) == "" {
			return signInAnswer{}, errNothingPasted
		}
		if answer, err = readPasted(text); err == nil {
			return answer, nil
		}
	}
	return signInAnswer{}, err
}

var errNotPasted = errors.New("oauth2grant: what was pasted is neither the address of the page that the sign-in ended on, nor a code")

// readPasted reads the callback URL, its query, or the bare code.
func readPasted(text string) (signInAnswer, error) {
	const longest = 16 << 10
	text = strings.TrimSpace(text)
	if len(text) > longest || strings.ContainsAny(text, " \t\r\n") {
		return signInAnswer{}, errNotPasted
	}
	query := text
	if before, after, found := strings.Cut(text, "?"); found && strings.Contains(before, ":") {
		query, _, _ = strings.Cut(after, "#")
	} else if strings.Contains(before, "://") {
		return signInAnswer{}, errNotPasted
	}
	response, err := url.ParseQuery(strings.TrimPrefix(query, "?"))
	if err == nil && response.Has("state") && (response.Get("code") != "" || response.Get("error") != "") {
		return signInAnswer{response: response}, nil
	}
	if query != text || strings.ContainsAny(text, "?&<>\"") {
		return signInAnswer{}, errNotPasted
	}
	return signInAnswer{code: text, bare: true}, nil
}
