package clientassertion_test

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/clientassertion"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/jws/jwstest"
)

func TestNew_RefusesAnAuthThatCannotWork(t *testing.T) {
	key := newKey(t, ecKey(t), "")
	for name, c := range map[string]struct {
		auth   oauth2grant.ClientAuth
		issuer string
		want   string
	}{
		"no audience": {
			clientassertion.PrivateKeyJWT("me", key, nil), "",
			"set Server.Issuer, or Options.Audience",
		},
		"no audience for a secret": {
			clientassertion.ClientSecretJWT("me", secret, nil), "",
			"set Server.Issuer, or Options.Audience",
		},
		"no key": {
			clientassertion.PrivateKeyJWT("me", clientassertion.Key{}, nil), issuer,
			"ParseKey",
		},
		"an algorithm of others": {clientassertion.PrivateKeyJWT("me", key,
			&clientassertion.Options{Algorithm: "RS256"}), issuer, "ES256"},
		"no algorithm": {clientassertion.PrivateKeyJWT("me", key,
			&clientassertion.Options{Algorithm: "none"}), issuer, "none"},
		"an algorithm of keys": {clientassertion.ClientSecretJWT("me", secret,
			&clientassertion.Options{Algorithm: "RS256"}), issuer, "HS256"},
		"a short secret": {clientassertion.ClientSecretJWT("me", "MARK", nil), issuer, "at least 32"},
		"a secret short for HS512": {clientassertion.ClientSecretJWT("me", secret[:63],
			&clientassertion.Options{Algorithm: "HS512"}), issuer, "at least 64"},
		"a life that is too short": {
			clientassertion.PrivateKeyJWT("me", key, &clientassertion.Options{Lifetime: -1}),
			issuer, "Lifetime",
		},
		"a life that is too long": {clientassertion.PrivateKeyJWT("me", key,
			&clientassertion.Options{Lifetime: 2 * time.Hour}), issuer, "Lifetime"},
		"no func for an assertion": {clientassertion.FromFunc("me", "", nil), issuer, "FromFunc"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := oauth2grant.NewClient(oauth2grant.Config{Server: oauth2grant.Server{
				Issuer:   c.issuer,
				TokenURL: issuer + "/token",
			}, Auth: c.auth})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "MARK") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestFuncs_FailWhereTheyAreMissing(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	for _, auth := range []oauth2grant.ClientAuth{
		clientassertion.PrivateKeyJWTFunc("me", nil, nil),
		clientassertion.ClientSecretJWTFunc("me", nil, nil),
	} {
		if err := run(t.Context(), srv, auth); err == nil || !strings.Contains(err.Error(), "needs a func") {
			t.Errorf("got %v", err)
		}
		if err := auth.Authenticate(t.Context(), "", http.Header{}, url.Values{}); err == nil ||
			!strings.Contains(err.Error(), "Issuer") {
			t.Errorf("without a Client: %v", err)
		}
	}
}

func TestKey_Refuses(t *testing.T) {
	small := jwstest.RSA(t, 1024)
	for name, c := range map[string]struct {
		make func() (clientassertion.Key, error)
		want string
	}{
		"nothing":     {func() (clientassertion.Key, error) { return clientassertion.NewKey(nil, "") }, "no key"},
		"a small key": {func() (clientassertion.Key, error) { return clientassertion.NewKey(small, "") }, "2048"},
		"garbage": {
			func() (clientassertion.Key, error) { return clientassertion.ParseKey([]byte("MARK")) },
			"no private key",
		},
		"a huge file": {func() (clientassertion.Key, error) { return hugeKey(t) }, "256 KiB"},
		"a missing file": {func() (clientassertion.Key, error) {
			return clientassertion.KeyFile("/none/MARK-not-secret")(t.Context())
		}, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			if k, err := c.make(); err == nil || k != (clientassertion.Key{}) || !strings.Contains(err.Error(),
				c.want) {
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
	h, _ := payload(t, sent(t, clientassertion.PrivateKeyJWT("me", k.WithID("two"), nil),
		issuer).Get("client_assertion"), jose.ES256)
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
			hidden = append(hidden, strings.Trim(fmt.Sprintf("%d", key.Seed()), "[]"), fmt.Sprintf("%x", key.Seed()))
		}
		auth := clientassertion.PrivateKeyJWT(name, k, nil)
		all = append(all, k, &k, auth, struct{ k clientassertion.Key }{k}, struct{ a oauth2grant.ClientAuth }{auth})
	}
	auth := clientassertion.ClientSecretJWT("me", secret, nil)
	ready := clientassertion.FromFunc("me", "", func(context.Context) (string, error) { return "MARK", nil })
	all = append(all, auth, ready, struct{ a, b oauth2grant.ClientAuth }{auth, ready}, oauth2grant.Config{Auth: auth},
		clientassertion.Key{})
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
		auth, err := clientassertion.PrivateKeyJWT("me", newKey(b, signer, "one"),
			nil).(oauth2grant.IssuerAuth).ForIssuer(issuer)
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
