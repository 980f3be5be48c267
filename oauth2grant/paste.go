package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// mostPastes is how often a person is asked, so that an [AuthCode.Paste] which
// always returns the same does not run for ever.
const mostPastes = 20

// ErrBadPaste says that what [AuthCode.Paste] returned is not the answer to the
// sign-in. The text says what to paste instead.
var ErrBadPaste = errors.New("oauth2grant: what was pasted can't be used")

var (
	errNothingPasted = errors.New("oauth2grant: nothing was pasted")
	errNoAnswer      = fmt.Errorf("%w: paste the whole address of the page that the sign-in ended on", ErrBadPaste)
	errBareCode      = fmt.Errorf(
		"%w: a code alone could be another person's; paste the whole address of the page that the sign-in ended "+
			"on", ErrBadPaste)
)

type pasteProblemKey struct{}

// PasteProblem returns why the [AuthCode.Paste] that ctx was handed to is asked
// again, to be shown to the person: what it returned last was empty, or not an
// answer ([ErrBadPaste]), or the answer to another sign-in ([ErrOtherState]).
// It is nil when Paste is asked for the first time.
func PasteProblem(ctx context.Context) error {
	err, _ := ctx.Value(pasteProblemKey{}).(error)
	return err
}

// paste asks for the answer, and again if what was pasted is none.
func (a AuthCode) paste(ctx context.Context, c *Client, request Authorization) (signInAnswer, error) {
	var problem error
	for range mostPastes {
		text, err := a.Paste(context.WithValue(ctx, pasteProblemKey{}, problem))
		if err != nil {
			return signInAnswer{}, errNothingPasted
		}
		answer, err := readPasted(text)
		if err == nil {
			err = c.acceptPaste(ctx, request, answer)
		}
		if err == nil {
			return answer, nil
		}
		problem = err
	}
	return signInAnswer{}, problem
}

// acceptPaste refuses what a person may have pasted by mistake, so that they
// are asked again: the answer to an older sign-in, or a code that nothing binds
// to this one. What passes is checked once more, and whole, when it is used.
func (c *Client) acceptPaste(ctx context.Context, request Authorization, answer signInAnswer) error {
	if !answer.bare {
		return checkState(request, answer.response)
	}
	promised, err := c.promisesIssuer(ctx)
	if err == nil && (promised || request.CodeVerifier == "") {
		err = errBareCode
	}
	return err
}

// around is what comes along when people copy: white space, quotation marks of
// all kinds, and marks that cannot be seen.
const around = " \t\r\n\"'`<>“”„‘’«»\u00a0\u200b\u2060\ufeff"

// readPasted reads the address that a sign-in ended on, its query, or the bare
// code. Its errors quote nothing.
func readPasted(text string) (signInAnswer, error) {
	const longest = 16 << 10
	text = strings.Trim(text, around)
	if text == "" {
		return signInAnswer{}, errNothingPasted
	}
	if len(text) > longest || strings.ContainsFunc(text, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }) {
		return signInAnswer{}, errNoAnswer
	}
	before, query, isAddress := strings.Cut(text, "?")
	if isAddress && (before == "" || strings.Contains(before, ":")) {
		query, _, _ = strings.Cut(query, "#")
	} else {
		query, isAddress = text, strings.Contains(before, "://")
	}
	response, err := url.ParseQuery(query)
	if err == nil && response.Has("state") && (response.Get("code") != "" || response.Get("error") != "") {
		return signInAnswer{response: response}, nil
	}
	code := strings.TrimPrefix(text, "code=")
	if isAddress || strings.ContainsAny(code, "?&<>\"") || strings.Contains(strings.TrimRight(code, "="), "=") {
		return signInAnswer{}, errNoAnswer
	}
	return bareCode(code)
}

// bareCode undoes the encoding that a code has in an address.
func bareCode(text string) (signInAnswer, error) {
	if decoded, err := url.PathUnescape(text); err == nil {
		text = decoded
	}
	for _, r := range text { // RFC 6749 Appendix A.11
		if r <= ' ' || r > '~' {
			return signInAnswer{}, errNoAnswer
		}
	}
	if text == "" {
		return signInAnswer{}, errNoAnswer
	}
	return signInAnswer{code: text, bare: true}, nil
}
