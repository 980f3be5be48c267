package explore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// call is one call of a grant's method by somebody who waits for it.
type call struct {
	p        *process
	name     string
	nth      int // among those of the same name
	cancel   context.CancelFunc
	began    int // ticks; zero: not yet
	ended    int
	at       time.Time
	err      error
	held     oauth2grant.Token // by the grant when the call began
	alone    bool              // nothing else was under way in the grant
	token    oauth2grant.Token
	replaces *family // what the call makes the token of; SetToken only
	revokes  bool
	hasLeft  bool
}

func (c *call) String() string {
	name := c.p.String() + "." + c.name
	if c.nth > 0 {
		name += fmt.Sprintf("#%d", c.nth+1)
	}
	return name
}

// longestCall is how long a caller waits.
const longestCall = 2 * time.Minute

// begin makes a call.
func (w *world) begin(c *call) {
	ctx, cancel := context.WithTimeout(context.Background(), longestCall)
	c.cancel, c.began, c.at = cancel, w.tick(), time.Now()
	do := methods[c.name]
	if do == nil {
		panic("explore: there is no call " + c.name)
	}
	if strings.HasPrefix(c.name, "Set") {
		i := w.server.signIn(c.p, c.began)
		i.by, i.at = c.p, c.began
		c.token, c.replaces = i.token(), i.family
		if c.name == "SetStale" {
			c.token = oauth2grant.Token{RefreshToken: c.token.RefreshToken}
		}
	}
	if c.name == "Close" {
		c.p.closing = c.began
	}
	c.revokes = c.name == "Revoke"
	c.alone = !slices.ContainsFunc(w.pending, func(g *gate) bool { return g.p == c.p })
	for _, other := range w.calls {
		if other.p == c.p && other != c && other.began > 0 && other.ended == 0 {
			c.alone, other.alone = false, false
		}
	}
	c.held = w.peek(c.p)
	held := c.held
	go func() {
		defer cancel()
		t, err := do(ctx, c, held)
		w.mu.Lock()
		defer w.mu.Unlock()
		c.ended, c.err = w.tick(), err
		if !w.over {
			w.returned(c, t)
		}
		w.stir()
	}()
}

// methods are the calls that a scenario can name.
var methods = map[string]func(ctx context.Context, c *call, held oauth2grant.Token) (oauth2grant.Token, error){
	"Token":        get,
	"RefreshToken": refresh,
	"FetchToken":   fetch,
	"SetToken":     set,
	"SetStale":     set,
	"Revoke":       revoke,
	"Invalidate": func(ctx context.Context, c *call, held oauth2grant.Token) (oauth2grant.Token, error) {
		c.p.grant.Invalidate(held.AccessToken)
		return get(ctx, c, held)
	},
	"Close": func(_ context.Context, c *call, _ oauth2grant.Token) (oauth2grant.Token, error) {
		return oauth2grant.Token{}, c.p.grant.Close()
	},
}

func get(ctx context.Context, c *call, _ oauth2grant.Token) (oauth2grant.Token, error) {
	return c.p.grant.Token(ctx)
}

func refresh(ctx context.Context, c *call, _ oauth2grant.Token) (oauth2grant.Token, error) {
	return c.p.grant.RefreshToken(ctx)
}

func fetch(ctx context.Context, c *call, _ oauth2grant.Token) (oauth2grant.Token, error) {
	return c.p.grant.FetchToken(ctx)
}

func set(ctx context.Context, c *call, _ oauth2grant.Token) (oauth2grant.Token, error) {
	return oauth2grant.Token{}, c.p.grant.SetToken(ctx, c.token)
}

func revoke(ctx context.Context, c *call, _ oauth2grant.Token) (oauth2grant.Token, error) {
	return oauth2grant.Token{}, c.p.grant.Revoke(ctx)
}

// peek returns the token that a caller of p would get at once; zero: none.
func (w *world) peek(p *process) oauth2grant.Token {
	t, err := p.grant.Token(w.peeking)
	if err != nil {
		return oauth2grant.Token{}
	}
	return t
}
