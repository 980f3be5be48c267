package oauth2source

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

const defaultTimeout = time.Minute

var errNoContext = errors.New("oauth2source: the context is nil")

var errProof = errors.New("oauth2source: the token is bound to a key, and a TokenSource has no proof of it to give: " +
	"use Authorize or Transport of the Grant")

// TokenSource returns g as an [oauth2.TokenSource]. Its Token returns at once
// if g holds an active token. Otherwise it waits for one until ctx ends, and no
// longer than timeout; zero means a minute, and less than zero as long as ctx
// lasts. For a client that serves many requests let ctx last as long as the
// client; where each request can have a source of its own, give it the context
// of the request. It is safe for concurrent use.
//
// Expiry of a token that it returns is the time of the call, so that
// [oauth2.Token.Valid] reports false: that keeps [oauth2.ReuseTokenSource], and
// with it [oauth2.NewClient], from keeping a token that g has replaced. Such a
// token is as good as [oauth2grant.Grant.Token] is at that time, which also
// says when it really expires. It has no refresh token, which only g may use;
// every other member of the server's answer is in [oauth2.Token.Extra], also
// id_token and scope.
//
// The error is that of [oauth2grant.Grant.Token]. With Config.Proof set it is
// one that names Authorize.
func TokenSource(ctx context.Context, g *oauth2grant.Grant, timeout time.Duration) oauth2.TokenSource {
	if timeout == 0 {
		timeout = defaultTimeout
	}
	return &source{ctx: ctx, g: g, timeout: timeout}
}

type source struct {
	ctx     context.Context
	g       *oauth2grant.Grant
	timeout time.Duration
	last    atomic.Pointer[converted]
}

// converted is a token and what Extra knows of it.
type converted struct {
	token oauth2grant.Token
	extra map[string]any
}

// Token implements [oauth2.TokenSource].
func (s *source) Token() (*oauth2.Token, error) {
	ctx := s.ctx
	if ctx == nil {
		return nil, errNoContext
	}
	if s.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.timeout)
		defer cancel()
	}
	t, err := s.g.Token(ctx)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(t.TokenType, "DPoP") {
		return nil, errProof
	}
	c := s.last.Load()
	if c == nil || c.token != t {
		if c, err = convert(t); err != nil {
			return nil, err
		}
		s.last.Store(c)
	}
	now := &oauth2.Token{AccessToken: t.AccessToken, TokenType: t.TokenType, Expiry: time.Now().Round(0)}
	return now.WithExtra(c.extra), nil
}

// String names the grant.
func (s *source) String() string { return "TokenSource of " + s.g.String() }

var errExtra = errors.New("oauth2source: the members of the token cannot be read")

func convert(t oauth2grant.Token) (*converted, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, errExtra
	}
	c := &converted{token: t}
	if err := json.Unmarshal(text, &c.extra); err != nil {
		return nil, errExtra // the cause may quote a secret
	}
	for _, ours := range []string{"refresh_token", "expiry", "oauth2grant"} {
		delete(c.extra, ours)
	}
	return c, nil
}

// FromToken returns what t says, for [oauth2grant.Grant.SetToken] and
// Config.Token: with its refresh token, and with id_token and scope if
// [oauth2.Token.Extra] has them. A nil t is the zero Token.
func FromToken(t *oauth2.Token) oauth2grant.Token {
	if t == nil {
		return oauth2grant.Token{}
	}
	text := func(name string) string { s, _ := t.Extra(name).(string); return s }
	return oauth2grant.Token{
		AccessToken:  t.AccessToken,
		TokenType:    t.Type(),
		RefreshToken: t.RefreshToken,
		IDToken:      text("id_token"),
		Scope:        text("scope"),
		Expiry:       wall(t.Expiry),
	}
}

// wall drops what makes equal times differ.
func wall(t time.Time) time.Time { return t.Round(0).UTC() }
