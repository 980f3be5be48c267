package granttest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// proved puts a proof for a POST on a request; a nil key puts none.
func proved(t *testing.T, srv *granttest.Server, e granttest.Endpoint, key *ecdsa.PrivateKey) func(*http.Request) {
	t.Helper()
	return func(r *http.Request) {
		if key == nil {
			return
		}
		r.Header.Set("DPoP", sign(t, jose.ES256, key, "dpop+jwt", true, map[string]any{
			"jti": rand.Text(), "htm": http.MethodPost, "htu": srv.URL(e), "iat": time.Now().Unix(),
		}))
	}
}

func thumbprint(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	sum, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

func TestServer_BindsACodeToTheKeyThatItsRequestNames(t *testing.T) {
	own, other := newKey(t), newKey(t)
	for name, c := range map[string]struct {
		jkt      *ecdsa.PrivateKey // named in the request
		push     bool
		pushed   *ecdsa.PrivateKey // that proves when the request is pushed
		refused  string            // of the pushed request
		redeem   *ecdsa.PrivateKey
		want     string
		ignorant bool // the server knows no proofs
	}{
		"named":                               {jkt: own, redeem: own},
		"named, redeemed with another":        {jkt: own, redeem: other, want: "invalid_grant"},
		"named, redeemed without":             {jkt: own, want: "invalid_grant"},
		"not named":                           {redeem: other},
		"named and pushed":                    {jkt: own, push: true, redeem: own},
		"named and pushed, redeemed without":  {jkt: own, push: true, want: "invalid_grant"},
		"proved when pushed":                  {push: true, pushed: own, redeem: own},
		"proved when pushed, another redeems": {push: true, pushed: own, redeem: other, want: "invalid_grant"},
		"named and proved when pushed":        {jkt: own, push: true, pushed: own, redeem: own},
		"named, another proves":               {jkt: own, push: true, pushed: other, refused: "invalid_dpop_proof"},
		"named to a server without proofs":    {jkt: own, ignorant: true},
	} {
		t.Run(name, func(t *testing.T) {
			srv := granttest.New(granttest.Config{DPoP: !c.ignorant})
			jkt := ""
			if c.jkt != nil {
				jkt = thumbprint(t, c.jkt)
			}
			authURL := ask(srv, "dpop_jkt", jkt)
			if c.push {
				pushed := post(t, srv, granttest.PAR, query(t, authURL), proved(t, srv, granttest.PAR, c.pushed))
				if wantCode(t, pushed, c.refused); c.refused != "" {
					return
				}
				authURL = srv.URL(granttest.Authorize) + "?" + url.Values{
					"client_id": {"native"}, "request_uri": {pushed.get("request_uri")},
				}.Encode()
			}
			f := form("grant_type", "authorization_code", "code", approve(t, srv, authURL), "redirect_uri", callback,
				"client_id", "native", "code_verifier", verifier)
			wantCode(t, post(t, srv, granttest.Token, f, proved(t, srv, granttest.Token, c.redeem)), c.want)
		})
	}
}
