package clientassertion_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
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
			"no options":      {nil, "client-authentication+jwt", issuer, time.Minute},
			"an older server": {&clientassertion.Options{Audience: issuer + "/token"}, "JWT", issuer + "/token", time.Minute},
			"all options":     {&clientassertion.Options{Audience: "x", Type: "y", Algorithm: "ES256", Lifetime: time.Hour}, "y", "x", time.Hour},
		} {
			f := sent(t, clientassertion.PrivateKeyJWT("me", key, c.options), issuer)
			if f.Get("client_id") != "me" || f.Get("client_assertion_type") != clientassertion.TypeJWTBearer || len(f) != 3 {
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
			want := map[string]any{"iss": "me", "sub": "me", "aud": c.aud, "iat": float64(time.Now().Unix()), "exp": float64(time.Now().Add(c.lifetime).Unix())}
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
				srv := granttest.New(granttest.Config{Clients: []granttest.Client{{ID: "me", Keys: jwks(t, map[string]crypto.Signer{"one": signer})}}})
				auth := clientassertion.PrivateKeyJWT("me", newKey(t, signer, "one"), &clientassertion.Options{Algorithm: algorithm})
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
	if err := run(t.Context(), srv, clientassertion.PrivateKeyJWT("me", newKey(t, key, ""), nil)); !errors.Is(err, oauth2grant.InvalidClient) {
		t.Errorf("without the option: %v", err)
	}
	auth := clientassertion.PrivateKeyJWT("me", newKey(t, key, ""), &clientassertion.Options{Audience: issuer + "/token"})
	c, err := newClient(srv, auth)
	if err != nil {
		t.Fatal(err)
	}
	token, err := oauth2grant.ClientCredentials{}.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if i, err := c.Introspect(t.Context(), token.AccessToken, ""); err != nil || !i.Active { // it wants its token endpoint there too
		t.Errorf("introspection: %v, %v", i, err)
	}
}

func TestPrivateKeyJWT_SendsNoAssertionTwice(t *testing.T) {
	key := ecKey(t)
	srv := granttest.New(granttest.Config{Clients: []granttest.Client{{ID: "me", Keys: jwks(t, map[string]crypto.Signer{"": key})}}})
	c, err := newClient(srv, clientassertion.PrivateKeyJWT("me", newKey(t, key, ""), nil))
	if err != nil {
		t.Fatal(err)
	}
	srv.Script(granttest.Token, granttest.RetryAfter(503, 0), granttest.Fault{Cut: granttest.CutAfter}, granttest.Error(400, "invalid_grant", ""))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_, _ = oauth2grant.ClientCredentials{}.Run(context.Background(), c)
			_, _ = c.RequestToken(context.Background(), url.Values{"grant_type": {"authorization_code"}, "code": {"x"}}) // sent again after a 503
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
	srv := granttest.New(granttest.Config{Clients: []granttest.Client{{ID: "me", Keys: jwks(t, map[string]crypto.Signer{"old": old, "next": next})}}})
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
	if err := run(t.Context(), srv, auth); err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "MARK") {
		t.Errorf("with garbage: %v", err)
	}
}

const secret = "MARK: a secret of at least thirty-two bytes, or even sixty-four of them"

func TestSecretJWT_AtAServer(t *testing.T) {
	srv := granttest.New(granttest.Config{Clients: []granttest.Client{{ID: "me", Secret: secret}}})
	for _, algorithm := range []string{"", "HS256", "HS384", "HS512"} {
		if err := run(t.Context(), srv, clientassertion.ClientSecretJWT("me", secret, &clientassertion.Options{Algorithm: algorithm})); err != nil {
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
	f := sent(t, clientassertion.FromFunc("spiffe://x/y", clientassertion.TypeSPIFFE, func(context.Context) (string, error) { return "svid", nil }), "")
	if f.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe" || f.Get("client_assertion") != "svid" || f.Get("client_id") != "spiffe://x/y" {
		t.Errorf("sent %v", f)
	}
	down := errors.New("the platform is down")
	if err := run(t.Context(), srv, clientassertion.FromFunc("me", "", func(context.Context) (string, error) { return "", down })); !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
	if err := run(t.Context(), srv, clientassertion.FromFunc("me", "", func(context.Context) (string, error) { return "", nil })); err == nil {
		t.Error("an empty assertion was sent")
	}
}

func TestNew_RefusesAnAuthThatCannotWork(t *testing.T) {
	key := newKey(t, ecKey(t), "")
	for name, c := range map[string]struct {
		auth   oauth2grant.ClientAuth
		issuer string
		want   string
	}{
		"no audience":              {clientassertion.PrivateKeyJWT("me", key, nil), "", "set Server.Issuer, or Options.Audience"},
		"no audience for a secret": {clientassertion.ClientSecretJWT("me", secret, nil), "", "set Server.Issuer, or Options.Audience"},
		"no key":                   {clientassertion.PrivateKeyJWT("me", clientassertion.Key{}, nil), issuer, "ParseKey"},
		"an algorithm of others":   {clientassertion.PrivateKeyJWT("me", key, &clientassertion.Options{Algorithm: "RS256"}), issuer, "ES256"},
		"no algorithm":             {clientassertion.PrivateKeyJWT("me", key, &clientassertion.Options{Algorithm: "none"}), issuer, "none"},
		"an algorithm of keys":     {clientassertion.ClientSecretJWT("me", secret, &clientassertion.Options{Algorithm: "RS256"}), issuer, "HS256"},
		"a short secret":           {clientassertion.ClientSecretJWT("me", "MARK", nil), issuer, "at least 32"},
		"a secret short for HS512": {clientassertion.ClientSecretJWT("me", secret[:63], &clientassertion.Options{Algorithm: "HS512"}), issuer, "at least 64"},
		"a life that is too short": {clientassertion.PrivateKeyJWT("me", key, &clientassertion.Options{Lifetime: -1}), issuer, "Lifetime"},
		"a life that is too long":  {clientassertion.PrivateKeyJWT("me", key, &clientassertion.Options{Lifetime: 2 * time.Hour}), issuer, "Lifetime"},
		"no func for an assertion": {clientassertion.FromFunc("me", "", nil), issuer, "FromFunc"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := oauth2grant.NewClient(oauth2grant.Config{Server: oauth2grant.Server{Issuer: c.issuer, TokenURL: issuer + "/token"}, Auth: c.auth})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "MARK") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestFuncs_FailWhereTheyAreMissing(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	for _, auth := range []oauth2grant.ClientAuth{clientassertion.PrivateKeyJWTFunc("me", nil, nil), clientassertion.ClientSecretJWTFunc("me", nil, nil)} {
		if err := run(t.Context(), srv, auth); err == nil || !strings.Contains(err.Error(), "needs a func") {
			t.Errorf("got %v", err)
		}
		if err := auth.Authenticate(t.Context(), "", http.Header{}, url.Values{}); err == nil || !strings.Contains(err.Error(), "Issuer") {
			t.Errorf("without a Client: %v", err)
		}
	}
}

func TestKey_Refuses(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		make func() (clientassertion.Key, error)
		want string
	}{
		"nothing":     {func() (clientassertion.Key, error) { return clientassertion.NewKey(nil, "") }, "no key"},
		"a small key": {func() (clientassertion.Key, error) { return clientassertion.NewKey(small, "") }, "2048"},
		"garbage":     {func() (clientassertion.Key, error) { return clientassertion.ParseKey([]byte("MARK")) }, "no private key"},
		"a huge file": {func() (clientassertion.Key, error) { return hugeKey(t) }, "256 KiB"},
		"a missing file": {func() (clientassertion.Key, error) {
			return clientassertion.KeyFile("/none/MARK-not-secret")(t.Context())
		}, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			if k, err := c.make(); err == nil || k != (clientassertion.Key{}) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v", k, err)
			}
		})
	}
}

func hugeKey(t *testing.T) (clientassertion.Key, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "huge")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	return clientassertion.KeyFile(path)(t.Context())
}

func TestKey_ReadsPEMAndTakesAnID(t *testing.T) {
	der, err := x509.MarshalPKCS8PrivateKey(ecKey(t))
	if err != nil {
		t.Fatal(err)
	}
	k, err := clientassertion.ParseKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	h, _ := payload(t, sent(t, clientassertion.PrivateKeyJWT("me", k.WithID("two"), nil), issuer).Get("client_assertion"), jose.ES256)
	if h.KeyID != "two" || (clientassertion.Key{}).WithID("x") != (clientassertion.Key{}) {
		t.Errorf("kid %q", h.KeyID)
	}
}

func TestNothing_ShowsASecret(t *testing.T) {
	all := []any{}
	hidden := []string{"MARK"}
	for name, signer := range signers(t) {
		k := newKey(t, signer, "one")
		private, err := jose.JSONWebKey{Key: signer}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]string
		if err := json.Unmarshal(private, &members); err != nil {
			t.Fatal(err)
		}
		hidden = append(hidden, members["d"])
		switch key := signer.(type) {
		case *rsa.PrivateKey:
			hidden = append(hidden, key.D.String())
		case interface{ Seed() []byte }:
			hidden = append(hidden, strings.Trim(fmt.Sprint(key.Seed()), "[]"), fmt.Sprintf("%x", key.Seed()))
		}
		auth := clientassertion.PrivateKeyJWT(name, k, nil)
		all = append(all, k, &k, auth, struct{ k clientassertion.Key }{k}, struct{ a oauth2grant.ClientAuth }{auth})
	}
	auth := clientassertion.ClientSecretJWT("me", secret, nil)
	ready := clientassertion.FromFunc("me", "", func(context.Context) (string, error) { return "MARK", nil })
	all = append(all, auth, ready, struct{ a, b oauth2grant.ClientAuth }{auth, ready}, oauth2grant.Config{Auth: auth}, clientassertion.Key{})
	var log strings.Builder
	text := ""
	for _, v := range all {
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			text += fmt.Sprintf(verb, v) + "\n"
		}
	}
	for _, s := range hidden {
		if s == "" || strings.Contains(text+log.String(), s) {
			t.Errorf("shows %q", s)
		}
	}
}

func BenchmarkPrivateKeyJWT(b *testing.B) {
	for name, signer := range signers(b) {
		auth, err := clientassertion.PrivateKeyJWT("me", newKey(b, signer, "one"), nil).(oauth2grant.IssuerAuth).ForIssuer(issuer)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := auth.Authenticate(b.Context(), "", nil, url.Values{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
