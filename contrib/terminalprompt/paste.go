package terminalprompt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// Paste returns an [oauth2grant.AuthCode.Paste] that writes to w what to paste,
// and why once more if it has to ask again, and reads a line from r, which is a
// terminal. It is for a browser on another machine, as over SSH.
//
// A read cannot be stopped: where the sign-in ends without the person, the line
// that they enter next goes to the next sign-in. So use one func for all that
// read from r; each waits for its turn. The error is that of r, [io.EOF] at its
// end, that of w, or that of ctx.
func Paste(r io.Reader, w io.Writer) func(context.Context) (string, error) {
	p := &paster{in: bufio.NewReader(r), out: w, turn: make(chan struct{}, 1)}
	return p.ask
}

type paster struct {
	out  io.Writer
	turn chan struct{} // holds an element while somebody asks

	mu      sync.Mutex // guards what follows
	in      *bufio.Reader
	reading chan line // where a line under way will go; nil: none is
}

type line struct {
	text string
	err  error
}

func (p *paster) ask(ctx context.Context) (string, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if _, err := io.WriteString(p.out, invitation(oauth2grant.PasteProblem(ctx))); err != nil {
		return "", err
	}
	select {
	case l := <-p.read():
		p.mu.Lock()
		p.reading = nil
		p.mu.Unlock()
		return l.text, l.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func invitation(problem error) string {
	const please = "paste the address of the page that the sign-in ended on, and press Enter:"
	switch {
	case problem == nil:
		return "If your browser is on another machine, sign in there, then " + please + "\n> "
	case errors.Is(problem, oauth2grant.ErrOtherState):
		return "That was the answer to another sign-in. Please " + please + "\n> "
	case errors.Is(problem, oauth2grant.ErrBadPaste):
		return "That was not the whole address. Please " + please + "\n> "
	default:
		return fmt.Sprintf("Please %s\n> ", please)
	}
}

// read returns where the next line goes, and begins to read it.
func (p *paster) read() <-chan line {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reading == nil {
		to := make(chan line, 1)
		p.reading = to
		go func() { // a terminal can't be told to stop
			text, err := p.in.ReadString('\n')
			if text != "" {
				err = nil
			}
			to <- line{strings.TrimSpace(text), err}
		}()
	}
	return p.reading
}
