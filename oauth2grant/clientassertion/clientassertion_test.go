package clientassertion_test

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/clientassertion"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// payload reads the header and the claims of an assertion, without a look at
// its signature.
func payload(t testing.TB, assertion string, algorithm jose.SignatureAlgorithm) (jose.Header, map[string]any) {
	t.Helper()
	parsed, err := jose.ParseSignedCompact(assertion, []jose.SignatureAlgorithm{algorithm})
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(parsed.UnsafePayloadWithoutVerification(), &claims); err != nil {
		t.Fatal(err)
	}
	return parsed.Signatures[0].Header, claims
}

func TestPrivateKeyJWT_SaysWhatItsSuccessorWants(t *testing.T) {
	key := newKey(t, ecKey(t), "one")
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			options  *clientassertion.Options
			typ, aud string
			lifetime time.Duration
		}{
			"no options": {nil, "client-authentication+jwt", issuer, time.Minute},
			"an older server": {
				&clientassertion.Options{Audience: issuer + "/token"}, "JWT", issuer + "/token",
				time.Minute,
			},
			"all options": {&clientassertion.Options{
				Audience: "x", Type: "y", Algorithm: "ES256",
				Lifetime: time.Hour,
			}, "y", "x", time.Hour},
		} {
			f := sent(t, clientassertion.PrivateKeyJWT("me", key, c.options), issuer)
			if f.Get("client_id") != "me" || f.Get("client_assertion_type") != clientassertion.TypeJWTBearer ||
				len(f) != 3 {
				t.Errorf("%s: sent %v", name, f)
			}
			h, claims := payload(t, f.Get("client_assertion"), jose.ES256)
			if h.ExtraHeaders["typ"] != c.typ || h.KeyID != "one" {
				t.Errorf("%s: header %v", name, h)
			}
			if id, _ := claims["jti"].(string); len(id) < 20 {
				t.Errorf("%s: jti %q", name, id)
			}
			delete(claims, "jti")
			want := map[string]any{
				"iss": "me", "sub": "me", "aud": c.aud, "iat": float64(time.Now().Unix()),
				"exp": float64(time.Now().Add(c.lifetime).Unix()),
			}
			if fmt.Sprint(claims) != fmt.Sprint(want) {
				t.Errorf("%s: claims %v, want %v", name, claims, want)
			}
		}
	})
}

func TestPrivateKeyJWT_AtAServer(t *testing.T) {
	for name, signer := range signers(t) {
		algorithms := []string{"", name}
		if name == "RS256" {
			algorithms = []string{"", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
		}
		for _, algorithm := range algorithms {
			t.Run(name+" "+algorithm, func(t *testing.T) {
				srv := granttest.New(granttest.Config{Clients: []granttest.Client{{ID: "me", Keys: jwks(t,
					map[string]crypto.Signer{"one": signer})}}})
				auth := clientassertion.PrivateKeyJWT("me", newKey(t, signer, "one"),
					&clientassertion.Options{Algorithm: algorithm})
				if err := run(t.Context(), srv, auth); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestPrivateKeyJWT_AtAnOlderServer(t *testing.T) {
	key := ecKey(t)
	srv := granttest.New(granttest.Config{Clients: []granttest.Client{
		{ID: "me", Keys: jwks(t, map[string]crypto.Signer{"": key}), Audience: issuer + "/token"},
	}})
	if err := run(t.Context(), srv, clientassertion.PrivateKeyJWT("me", newKey(t, key, ""), nil)); !errors.Is(err,
		oauth2grant.InvalidClient) {
		t.Errorf("without the option: %v", err)
	}
	auth := clientassertion.PrivateKeyJWT("me", newKey(t, key, ""),
		&clientassertion.Options{Audience: issuer + "/token"})
	c, err := newClient(srv, auth)
	if err != nil {
		t.Fatal(err)
	}
	token, err := oauth2grant.ClientCredentials{}.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if i, err := c.Introspect(t.Context(), token.AccessToken, ""); err != nil ||
		!i.Active { // it wants its token endpoint there too
		t.Errorf("introspection: %v, %v", i, err)
	}
}

func TestPrivateKeyJWT_SendsNoAssertionTwice(t *testing.T) {
	key := ecKey(t)
	srv := granttest.New(granttest.Config{Clients: []granttest.Client{{ID: "me", Keys: jwks(t,
		map[string]crypto.Signer{"": key})}}})
	c, err := newClient(srv, clientassertion.PrivateKeyJWT("me", newKey(t, key, ""), nil))
	if err != nil {
		t.Fatal(err)
	}
	srv.Script(granttest.Token, granttest.RetryAfter(503, 0), granttest.Fault{Cut: granttest.CutAfter},
		granttest.Error(400, "invalid_grant", ""))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_, _ = oauth2grant.ClientCredentials{}.Run(context.Background(), c)
			_, _ = c.RequestToken(context.Background(), url.Values{
				"grant_type": {"authorization_code"},
				"code":       {"x"},
			}) // sent again after a 503
			_ = c.Revoke(context.Background(), "x", "")
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, r := range srv.Requests(granttest.Token, granttest.Revocation) {
		a := r.Form.Get("client_assertion")
		if a == "" || seen[a] {
			t.Fatal("an assertion was sent twice, or none")
		}
		seen[a] = true
	}
	if len(seen) < 150 {
		t.Errorf("%d requests", len(seen))
	}
}

func TestPrivateKeyJWTFunc_TakesAKeyThatIsRotated(t *testing.T) {
	old, next := ecKey(t), signers(t)["RS256"]
	srv := granttest.New(granttest.Config{Clients: []granttest.Client{{ID: "me", Keys: jwks(t,
		map[string]crypto.Signer{"old": old, "next": next})}}})
	path := filepath.Join(t.TempDir(), "key.jwk")
	auth := clientassertion.PrivateKeyJWTFunc("me", clientassertion.KeyFile(path), nil)
	if err := run(t.Context(), srv, auth); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the file: %v", err)
	}
	for id, key := range map[string]crypto.Signer{"old": old, "next": next} {
		document, err := jose.JSONWebKey{Key: key, KeyID: id}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, document, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run(t.Context(), srv, auth); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	if err := os.WriteFile(path, []byte("MARK"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), srv, auth); err == nil || !strings.Contains(err.Error(), path) ||
		strings.Contains(err.Error(), "MARK") {
		t.Errorf("with garbage: %v", err)
	}
}

const secret = "MARK: a secret of at least thirty-two bytes, or even sixty-four of them"

func TestSecretJWT_AtAServer(t *testing.T) {
	srv := granttest.New(granttest.Config{Clients: []granttest.Client{{ID: "me", Secret: secret}}})
	for _, algorithm := range []string{"", "HS256", "HS384", "HS512"} {
		if err := run(t.Context(), srv, clientassertion.ClientSecretJWT("me", secret,
			&clientassertion.Options{Algorithm: algorithm})); err != nil {
			t.Errorf("%q: %v", algorithm, err)
		}
	}
	rotated := []string{strings.Repeat("x", 32), secret}
	auth := clientassertion.ClientSecretJWTFunc("me", func(context.Context) (string, error) {
		s := rotated[0]
		rotated = rotated[1:]
		return s, nil
	}, nil)
	if err := run(t.Context(), srv, auth); !errors.Is(err, oauth2grant.InvalidClient) {
		t.Errorf("with another secret: %v", err)
	}
	if err := run(t.Context(), srv, auth); err != nil {
		t.Errorf("with the secret: %v", err)
	}
}

func TestFromFunc_SendsWhatItIsGiven(t *testing.T) {
	p := granttest.NewPlatform("https://platform.example")
	trust := p.Trust(issuer)
	srv := granttest.New(granttest.Config{
		Clients:   []granttest.Client{{ID: "me", Keys: p.JWKS()}},
		Assertion: func(assertion string) (string, error) { return trust(assertion) },
	})
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(p.Assertion("me", issuer, nil)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), srv, clientassertion.FromFile("me", "", path)); err != nil {
		t.Error(err)
	}
	f := sent(t, clientassertion.FromFunc("spiffe://x/y", clientassertion.TypeSPIFFE, func(context.Context) (string,
		error,
	) {
		return "svid", nil
	}), "")
	if f.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe" ||
		f.Get("client_assertion") != "svid" || f.Get("client_id") != "spiffe://x/y" {
		t.Errorf("sent %v", f)
	}
	down := errors.New("the platform is down")
	if err := run(t.Context(), srv, clientassertion.FromFunc("me", "", func(context.Context) (string,
		error,
	) {
		return "", down
	})); !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
	if err := run(t.Context(), srv, clientassertion.FromFunc("me", "", func(context.Context) (string,
		error,
	) {
		return "", nil
	})); err == nil {
		t.Error("an empty assertion was sent")
	}
}
