package oauth2grant

import (
	"context"
	"maps"
	"net/http"
	"net/url"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

// Post sends a form to an endpoint of the authorization server, authenticated
// as token requests are, and decodes the JSON answer into out unless that is
// nil. It blocks until the server has answered or ctx ends. The error is an
// [*Error].
func (c *Client) Post(ctx context.Context, endpoint string, form url.Values, out any) error {
	return c.postTo(ctx, OpPost, endpoint, c.auth, form, out)
}

func (c *Client) postTo(
	ctx context.Context, op, endpoint string, auth ClientAuth, form url.Values, out any,
) error {
	answer, err := c.send(ctx, op, endpoint, auth, form)
	if err != nil || out == nil {
		return err
	}
	if failure := wire.ReadObject(answer, out); failure != nil {
		return failed(op, endpoint, failure)
	}
	return nil
}

// send posts a form once, wherever that is acceptable.
func (c *Client) send(
	ctx context.Context, op, endpoint string, auth ClientAuth, form url.Values,
) (wire.Answer, error) {
	if ctx == nil {
		return wire.Answer{}, errNilContext
	}
	if _, err := checkURL(endpoint, c.insecure); err != nil {
		return wire.Answer{}, refuse(op, "the endpoint %w", err)
	}
	return c.post(ctx, request{op: op, to: endpoint, auth: auth, form: form, sending: func() {}})
}

// request is one form to be sent.
type request struct {
	op, to  string
	auth    ClientAuth
	form    url.Values
	patient bool         // what is sent can't be obtained again
	look    func() error // before the body is handed over; may be nil
	sending func()       // called for every send
}

// post sends a form, authenticated and proved anew for every send. A server
// that wants a nonce in the proof gets it once (RFC 9449 §8).
func (c *Client) post(ctx context.Context, r request) (wire.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	prover := c.prover(ctx)
	nonce := ""
	prepare := func() (wire.Form, error) {
		f := wire.Form{
			Header: http.Header{}, Values: url.Values{}, BeforeSend: r.look, Rewrite: c.dialect.rewrite(r.op),
		}
		maps.Copy(f.Values, r.form)
		if err := r.auth.Authenticate(ctx, r.to, f.Header, f.Values); err != nil {
			return f, err
		}
		if prover != nil {
			proof, err := prover.Proof(ctx, ProofRequest{Method: http.MethodPost, URL: r.to, Nonce: nonce})
			if err != nil {
				return f, err
			}
			f.Header.Set(schemeDPoP, proof)
		}
		c.dialect.request(r.op, f.Header, f.Values)
		r.sending()
		return f, nil
	}
	send := wire.Post
	if r.patient {
		send = wire.PostPatiently
	}
	answer, failure := send(ctx, c.wire, r.to, prepare)
	c.learn(r.to, answer.Header)
	if failure != nil && c.proof != nil && Code(failure.Code) == UseDPoPNonce {
		if nonce = answer.Header.Get(headerNonce); nonce != "" {
			answer, failure = send(ctx, c.wire, r.to, prepare)
			c.learn(r.to, answer.Header)
		}
	}
	if failure != nil {
		return answer, withClockHint(failed(r.op, r.to, failure), answer.Header)
	}
	return answer, nil
}

func (c *Client) learn(from string, h http.Header) {
	if nonce := h.Get(headerNonce); nonce != "" && c.proof != nil {
		if u, err := url.Parse(from); err == nil {
			c.proof.Learn(origin(u), nonce)
		}
	}
}
