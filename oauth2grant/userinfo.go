package oauth2grant

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

var (
	errNotIntrospection = errors.New("the answer does not say whether the token is active")
	errSigned           = fmt.Errorf("the answer is a signed document: %w", errors.ErrUnsupported)
)

// UserInfo are claims about a person (OpenID Connect Core §5.3).
type UserInfo struct {
	// Subject identifies the person: the claim "sub", or that which
	// [Server].SubjectClaim names. It must be the one in the ID token, if there
	// is one.
	Subject string
	// Email is empty if unknown.
	Email string

	members hidden
}

// Extra decodes any claim into out and reports whether there is one. The error
// is that of encoding/json.
func (u UserInfo) Extra(name string, out any) (bool, error) {
	return member(u.members.reveal(), name, out)
}

// String names the person, and shows no other claim: they may not belong in a
// log.
func (u UserInfo) String() string { return fmt.Sprintf("UserInfo{subject %q}", u.Subject) }

// Format implements [fmt.Formatter]: no verb shows the other claims.
func (u UserInfo) Format(f fmt.State, _ rune) { formatRedacted(f, u.String()) }

// LogValue implements [slog.LogValuer].
func (u UserInfo) LogValue() slog.Value { return slog.StringValue(u.String()) }

// UserInfo asks who the person is that an access token was issued for (OpenID
// Connect Core §5.3). It makes one request and renews nothing. It blocks until
// the server has answered or ctx ends. The error is an [*Error]; it wraps
// [errors.ErrUnsupported] where the server has no such endpoint, answers with a
// signed document, or names no subject.
func (c *Client) UserInfo(ctx context.Context, accessToken string) (UserInfo, error) {
	if ctx == nil {
		return UserInfo{}, errNilContext
	}
	if !wire.HeaderSafe(accessToken) || accessToken == "" {
		return UserInfo{}, refuse(OpUserInfo, "the access token is empty, or does not fit into a header")
	}
	to, _, err := c.endpointOf(ctx, OpUserInfo, func(s Server) string { return s.UserInfoURL })
	if err != nil {
		return UserInfo{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	answer, failure := c.getUserInfo(ctx, to, accessToken, "")
	nonce := answer.Header.Get(headerNonce)
	if answer.Status == http.StatusUnauthorized && nonce != "" && c.proof != nil {
		answer, failure = c.getUserInfo(ctx, to, accessToken, nonce)
	}
	if failure != nil {
		return UserInfo{}, steppedUp(failed(OpUserInfo, to, failure), answer.Header)
	}
	m, failure := wire.ReadAnswer(answer)
	switch {
	case failure != nil && bytes.HasPrefix(answer.Body, []byte("eyJ")):
		return UserInfo{}, (&Error{Op: OpUserInfo, StatusCode: answer.Status, cause: errSigned, refused: true}).at(to)
	case failure != nil:
		return UserInfo{}, failed(OpUserInfo, to, failure)
	}
	claim := c.own.SubjectClaim
	if claim == "" {
		claim = "sub"
	}
	u := UserInfo{Subject: m.Word(claim), Email: m.Text("email"), members: hide(m.Rest())}
	if u.Subject == "" {
		err := fmt.Errorf("the answer has no %q: set Server.SubjectClaim to what identifies the person: %w",
			claim, errors.ErrUnsupported)
		return UserInfo{}, (&Error{Op: OpUserInfo, StatusCode: answer.Status, cause: err, refused: true}).at(to)
	}
	return u, nil
}

// getUserInfo makes one request. A failure tells also what the challenge of the
// answer says.
func (c *Client) getUserInfo(
	ctx context.Context, to, accessToken, nonce string,
) (wire.Answer, *wire.Failure) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
	if err != nil {
		return wire.Answer{}, &wire.Failure{Cause: errors.New("the endpoint is not a usable URL")}
	}
	req.Header.Set("Accept", "application/json")
	name, err := c.authorizing.name("")
	if err != nil {
		return wire.Answer{}, &wire.Failure{Cause: err, Own: true}
	}
	req.Header.Set("Authorization", name+" "+accessToken)
	if prover := c.prover(ctx); prover != nil {
		proof, err := prover.Proof(ctx, ProofRequest{
			Method: http.MethodGet, URL: to, AccessToken: accessToken, Nonce: nonce,
		})
		if err != nil {
			return wire.Answer{}, &wire.Failure{Cause: err, Own: true}
		}
		req.Header.Set(schemeDPoP, proof)
	}
	c.dialect.request(OpUserInfo, req.Header, url.Values{})
	sent := req.Header.Clone()
	answer, failure := wire.Do(c.wire, req)
	c.learn(to, answer.Header)
	if failure != nil {
		return answer, failure
	}
	answer = answer.Sent(sent)
	if rewrite := c.dialect.rewrite(OpUserInfo); rewrite != nil {
		answer.Body = rewrite(answer.Status, answer.Body)
	}
	if !answer.Success() {
		return answer, wire.ReadChallenged(answer)
	}
	return answer, nil
}
