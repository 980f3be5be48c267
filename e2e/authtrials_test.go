package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2grant/go-oauth2grant/e2e/internal/servers"
	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/clientassertion"
)

const hmacSecret = "a-hmac-secret-of-at-least-32-bytes!!"

func certifiedTrial(t *testing.T) trial {
	t.Helper()
	p, s := startKeyless(t)
	document, err := os.ReadFile(p.File("client.jwk"))
	must(t, err)
	var key jose.JSONWebKey
	must(t, key.UnmarshalJSON(document))
	return trial{authServer: s, key: key, audience: s.issuer, pages: certificate(t, p, ""), clients: map[string]oauth2grant.Config{
		"client_secret_basic":         s.config(web),
		"client_secret_post":          s.config(oauth2grant.SecretPost("post", "post-secret")),
		"client_secret_jwt":           s.config(clientassertion.ClientSecretJWT("hmac", hmacSecret, nil)),
		"private_key_jwt":             s.config(privateKeyJWT(p)),
		"tls_client_auth":             s.certified(t, p, "mtls-ca", "mtls"),
		"self_signed_tls_client_auth": s.certified(t, p, "mtls", "self"),
		"none":                        s.config(native),
	}}
}

// fositeTrial has a client that signs for the token endpoint, whichever
// endpoint it asks.
func fositeTrial(t *testing.T) trial {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	key := jose.JSONWebKey{Key: private, KeyID: "client-1", Algorithm: "ES256", Use: "sig"}
	f := servers.StartFosite(t, authserver.Config{Keys: publicJWKS(t, key), DeviceInterval: time.Second})
	s := &authServer{fosite, f.Issuer(), func() int { return f.Count("/token") }}
	signing, err := clientassertion.NewKey(private, key.KeyID)
	must(t, err)
	tokenEndpoint := &clientassertion.Options{Audience: s.issuer + "/token"}
	return trial{authServer: s, key: key, audience: tokenEndpoint.Audience, clients: map[string]oauth2grant.Config{
		"client_secret_basic": s.config(web),
		"client_secret_post":  s.config(oauth2grant.SecretPost("post", "post-secret")),
		"private_key_jwt":     s.config(clientassertion.PrivateKeyJWT("signed", signing, tokenEndpoint)),
		"none":                s.config(native),
	}}
}

func constantly(value string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return value, nil }
}

// publicJWKS is the JWK Set of the public key.
func publicJWKS(t *testing.T, key jose.JSONWebKey) []byte {
	t.Helper()
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})
	must(t, err)
	return set
}

var (
	formTag  = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	inputTag = regexp.MustCompile(`<input[^>]* name="([^"]+)"[^>]* value="([^"]+)"`)
)

// connectsByHand submits every form on the way to the end of a device sign-in,
// as it is.
func connectsByHand(pages *tls.Config) func(context.Context, oauth2grant.DevicePrompt) error {
	return func(ctx context.Context, d oauth2grant.DevicePrompt) error {
		jar, err := cookiejar.New(nil)
		if err != nil {
			return err
		}
		hc := &http.Client{Jar: jar, Transport: onEachConnection(pages)}
		return submitForms(ctx, hc, d.VerificationURIComplete)
	}
}

func submitForms(ctx context.Context, hc *http.Client, address string) error {
	at, err := url.Parse(address)
	if err != nil {
		return err
	}
	query := at.Query()
	query.Set("login_hint", "auto:alice")
	at.RawQuery = query.Encode()
	form := url.Values(nil)
	for range 5 {
		page, err := visit(ctx, hc, at, form)
		if err != nil {
			return err
		}
		action := formTag.FindStringSubmatch(page)
		if action == nil {
			return nil
		}
		if at, err = at.Parse(html.UnescapeString(action[1])); err != nil {
			return err
		}
		form = url.Values{}
		for _, input := range inputTag.FindAllStringSubmatch(page, -1) {
			form.Set(input[1], html.UnescapeString(input[2]))
		}
	}
	return fmt.Errorf("%s asks without end", at.Host)
}

// visit gets a page or, with a form, posts that.
func visit(ctx context.Context, hc *http.Client, at *url.URL, form url.Values) (string, error) {
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, at.String(), strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := hc.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s", method, at.Path, res.Status)
	}
	return string(page), err
}
