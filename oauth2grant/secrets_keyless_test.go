package oauth2grant_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/clientassertion"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/dpop"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/identity"
)

// longSecret is long enough to sign with.
const longSecret = "a client secret of at least 32 bytes"

// keyPair is a key as text: its JWK, and the JWK Set of its public half.
type keyPair struct{ private, public string }

// clientKey is that of the client keyed.
var clientKey = sync.OnceValue(func() keyPair {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	jwk := jose.JSONWebKey{Key: key, KeyID: "one"}
	private, err := jwk.MarshalJSON()
	if err != nil {
		panic(err)
	}
	public, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{jwk.Public()}})
	if err != nil {
		panic(err)
	}
	return keyPair{string(private), string(public)}
})

// learnKey makes a secret of the private half of a JWK.
func (l *leaks) learnKey(jwk string) {
	var key struct {
		D string `json:"d"`
	}
	if err := json.Unmarshal([]byte(jwk), &key); err != nil || key.D == "" {
		l.t.Fatalf("no private key: %v", err)
	}
	l.learn(key.D)
}

func (l *leaks) boundByAKey() {
	p, err := dpop.New(nil)
	if err != nil {
		l.t.Fatal(err)
	}
	l.learnKey(p.PrivateKey())
	l.show(p, *p)
	l.cfg.Proof = p
	l.grant(oauth2grant.Password{Username: "alice", Password: l.secret("password")})
}

func (l *leaks) privateKey() {
	l.learnKey(clientKey().private)
	key, err := clientassertion.ParseKey([]byte(clientKey().private))
	if err != nil {
		l.t.Fatal(err)
	}
	l.cfg.Auth = clientassertion.PrivateKeyJWT("keyed", key, nil)
	l.show(key, l.cfg.Auth)
	l.grant(oauth2grant.ClientCredentials{})
}

func (l *leaks) signingSecret() {
	l.cfg.Auth = clientassertion.ClientSecretJWT("hmac", l.secret(longSecret), nil)
	l.show(l.cfg.Auth)
	l.grant(oauth2grant.ClientCredentials{})
}

// assertionOfAFile is one that the server does not take.
func (l *leaks) assertionOfAFile() {
	path := filepath.Join(l.t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(l.secret("client-assertion")+"\n"), 0o600); err != nil {
		l.t.Fatal(err)
	}
	l.cfg.Auth = clientassertion.FromFile("keyed", clientassertion.TypeSPIFFE, path)
	l.show(l.cfg.Auth)
	l.grant(oauth2grant.ClientCredentials{})
}

func (l *leaks) assertionOfTheEnvironment() {
	l.t.Setenv("OAUTH2GRANT_TEST_ASSERTION", l.secret("of-the-environment"))
	l.grant(oauth2grant.JWTBearer{Assertion: identity.Env("OAUTH2GRANT_TEST_ASSERTION")})
}

// assertionOfACommand has this program print one.
func (l *leaks) assertionOfACommand() {
	l.t.Setenv("GORACE", "atexit_sleep_ms=0")
	self, err := os.Executable()
	if err != nil {
		l.t.Fatal(err)
	}
	l.grant(oauth2grant.JWTBearer{Assertion: identity.Command(self, "print", l.secret("of-a-command"))})
}

func (l *leaks) assertionOfAURL() {
	e := identity.Endpoint{
		URL: "https://platform.example/token?key=" + l.secret("in-a-url"), Header: http.Header{"X-Key": {l.secret("in-a-header")}},
		HTTPClient: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
			res, err := says(http.StatusOK, l.secret("of-a-url"))
			res.Request = r
			return res, err
		})},
	}
	l.show(e, &e)
	l.grant(oauth2grant.JWTBearer{Assertion: identity.URL(e)})
}
