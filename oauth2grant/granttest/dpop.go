package granttest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// RotateNonce replaces the nonce that proofs must carry where
// [Config.DPoPNonce] is set. The one before is not taken any more.
func (s *Server) RotateNonce() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nonce = rand.Text()
}

// bound makes an endpoint tell the nonce that it wants (RFC 9449 §8.2).
func (s *Server) bound(endpoint func(*call) (answer, error)) func(*call) (answer, error) {
	return func(c *call) (answer, error) {
		a, err := endpoint(c)
		var refusal *Refusal
		if errors.As(err, &refusal) {
			a, err = refusal.answer(), nil
		}
		if s.cfg.DPoPNonce && len(c.Header.Values("DPoP")) > 0 {
			if a.header == nil {
				a.header = http.Header{}
			}
			a.header.Set("DPoP-Nonce", s.nonce)
		}
		return a, err
	}
}

// exchange is the token endpoint (RFC 6749 §3.2). What it issues is bound to
// the key of the proof in the request, if there is one (RFC 9449 §5).
func (s *Server) exchange(c *call) (answer, error) {
	if _, err := s.authenticate(c); err != nil { // first, so that an assertion is used up
		return answer{}, err
	}
	key, err := s.proof(c, "")
	if err != nil {
		return answer{}, err
	}
	if t := s.tokens[c.form.Get("refresh_token")]; t != nil && t.key != "" && t.key != key {
		return answer{}, refuse("invalid_grant", "the refresh token is bound to another key")
	}
	if k := s.codes[c.form.Get("code")]; k != nil && k.key != "" && k.key != key {
		return answer{}, refuse("invalid_grant", "the code is bound to another key, by dpop_jkt")
	}
	a, err := s.issue(c)
	if err != nil || key == "" {
		return a, err
	}
	if t := s.tokens[fmt.Sprint(a.json["access_token"])]; t != nil {
		t.key = key
	}
	if a.json["token_type"] == "Bearer" {
		a.json["token_type"] = "DPoP"
	}
	return a, nil
}

// proof checks the proof of a request (RFC 9449 §4.3), and returns the
// thumbprint of its key: empty if there is none.
func (s *Server) proof(c *call, accessToken string) (string, error) {
	status := http.StatusBadRequest
	if accessToken != "" {
		status = http.StatusUnauthorized
	}
	bad := func(format string, args ...any) (string, error) {
		return "", &Refusal{status, "invalid_dpop_proof", fmt.Sprintf(format, args...)}
	}
	proofs := c.Header.Values("DPoP")
	if len(proofs) == 0 || !s.cfg.DPoP {
		return "", nil
	}
	if len(proofs) > 1 {
		return bad("there is more than one proof")
	}
	j, err := verifyJWT(proofs[0], asymmetric, func(h jose.Header) (any, error) {
		if h.JSONWebKey == nil || !h.JSONWebKey.IsPublic() {
			return nil, errors.New("its jwk is missing, or no public key")
		}
		return h.JSONWebKey, nil
	})
	if err != nil {
		return bad("%v", err)
	}
	switch now := time.Now(); {
	case !strings.EqualFold(j.typ, "dpop+jwt"):
		return bad("its typ is %q", j.typ)
	case j.text("htm") != c.Method:
		return bad("its htm is %q", j.text("htm"))
	case !c.isAt(j.text("htu")):
		return bad("its htu is %q", j.text("htu"))
	case j.text("ath") != hashOf(accessToken):
		return bad("its ath is not that of the access token")
	case s.cfg.DPoPNonce && j.text("nonce") != s.nonce:
		return "", &Refusal{status, "use_dpop_nonce", "the proof needs the nonce in DPoP-Nonce"}
	case j.time("iat").Sub(now).Abs() > skew:
		return bad("its iat is %s away", j.time("iat").Sub(now).Abs().Round(time.Second))
	}
	if err := s.once(j); err != nil {
		return bad("%v", err)
	}
	return thumbprint(j.key), nil
}

func hashOf(accessToken string) string {
	if accessToken == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// isAt reports whether the call was made to a URL that has neither query nor
// fragment.
func (c *call) isAt(target string) bool {
	u, err := url.Parse(target)
	host := c.Host
	if host == "" {
		host = c.URL.Host
	}
	return err == nil && !strings.ContainsAny(target, "?#") && u.EscapedPath() == c.URL.EscapedPath() &&
		strings.EqualFold(u.Host, host) && slices.Contains([]string{"", u.Scheme}, c.URL.Scheme)
}
