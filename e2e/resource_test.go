package e2e

import (
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// resourceServer is an API over TLS whose tokens are bound to a key (RFC 9449
// §7) or to a certificate (RFC 8705 §3). It asks the authorization server about
// each of them, wants a nonce in every proof, and takes each nonce once: of
// the answers to proofs all but every third bring the next one.
type resourceServer struct {
	*httptest.Server
	client *oauth2grant.Client // who it is at the authorization server

	mu    sync.Mutex // guards the fields below
	turn  int        // of the nonce
	seen  map[string]bool
	shown map[string]int // certificates, by their thumbprint
	asked int            // how often for a nonce
}

func startResourceServer(t *testing.T, client *oauth2grant.Client) *resourceServer {
	t.Helper()
	r := &resourceServer{client: client, seen: map[string]bool{}, shown: map[string]int{}}
	r.Server = httptest.NewUnstartedServer(r)
	r.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	r.StartTLS()
	t.Cleanup(r.Close)
	return r
}

// nonces returns how often a call had to be made again, for its nonce.
func (r *resourceServer) nonces() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// certificates returns how many different ones were shown.
func (r *resourceServer) certificates() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.shown)
}

func (r *resourceServer) nonce() string { return fmt.Sprintf("nonce-%d", r.turn) }

var errNonce = errors.New("use_dpop_nonce")

// ServeHTTP says whose token it was.
func (r *resourceServer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	who, err := r.judge(req)
	r.mu.Lock()
	defer r.mu.Unlock()
	status := http.StatusOK
	switch {
	case errors.Is(err, errNonce):
		r.asked++
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce", algs="ES256"`)
		w.Header().Set("DPoP-Nonce", r.nonce())
	case err != nil:
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("DPoP error=\"invalid_token\", error_description=%q", err))
	case req.Header.Get("DPoP") != "":
		if r.turn++; r.turn%3 != 0 {
			w.Header().Set("DPoP-Nonce", r.nonce())
		}
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"subject": who})
}

// judge returns whose token a request carries.
func (r *resourceServer) judge(req *http.Request) (string, error) {
	scheme, token, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	about, err := r.client.Introspect(req.Context(), token, "access_token")
	switch {
	case err != nil:
		return "", err
	case !about.Active:
		return "", errors.New("the token is not active")
	}
	var binding struct {
		Key         string `json:"jkt"`
		Certificate string `json:"x5t#S256"`
	}
	if _, err := about.Extra("cnf", &binding); err != nil {
		return "", err
	}
	switch {
	case binding.Key != "" && scheme == "DPoP":
		return about.Subject, r.proved(req, token, binding.Key)
	case binding.Certificate != "" && scheme == "Bearer":
		return about.Subject, r.certified(req, binding.Certificate)
	}
	return "", fmt.Errorf("a token by %q is bound to nothing that goes with it", scheme)
}

// certified compares the certificate of the connection.
func (r *resourceServer) certified(req *http.Request, thumbprint string) error {
	if len(req.TLS.PeerCertificates) == 0 {
		return errors.New("there is no certificate")
	}
	sum := sha256.Sum256(req.TLS.PeerCertificates[0].Raw)
	got := base64.RawURLEncoding.EncodeToString(sum[:])
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shown[got]++
	if got != thumbprint {
		return errors.New("the token is bound to another certificate")
	}
	return nil
}

// proved checks a proof by RFC 9449 §4.3.
func (r *resourceServer) proved(req *http.Request, token, thumbprint string) error {
	proofs := req.Header.Values("DPoP")
	if len(proofs) != 1 {
		return fmt.Errorf("there are %d proofs", len(proofs))
	}
	proof, err := jose.ParseSignedCompact(proofs[0], []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return err
	}
	header := proof.Signatures[0].Protected
	if header.JSONWebKey == nil || !header.JSONWebKey.IsPublic() || header.ExtraHeaders["typ"] != "dpop+jwt" {
		return errors.New("the header is not that of a proof")
	}
	payload, err := proof.Verify(header.JSONWebKey)
	if err != nil {
		return err
	}
	var c struct {
		ID       string `json:"jti"`
		Method   string `json:"htm"`
		URL      string `json:"htu"`
		IssuedAt int64  `json:"iat"`
		Token    string `json:"ath"`
		Nonce    string `json:"nonce"`
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return err
	}
	key, err := header.JSONWebKey.Thumbprint(crypto.SHA256)
	if err != nil {
		return err
	}
	hash := sha256.Sum256([]byte(token))
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case base64.RawURLEncoding.EncodeToString(key) != thumbprint:
		return errors.New("the token is bound to another key")
	case c.Method != req.Method || c.URL != r.URL+req.URL.Path:
		return fmt.Errorf("the proof is for %s %s", c.Method, c.URL)
	case c.Token != base64.RawURLEncoding.EncodeToString(hash[:]):
		return errors.New("the proof is for another token")
	case time.Since(time.Unix(c.IssuedAt, 0)).Abs() > time.Minute:
		return errors.New("the proof is of another time")
	case c.ID == "" || r.seen[c.ID]:
		return errors.New("the proof was sent before")
	case c.Nonce != r.nonce():
		return errNonce
	}
	r.seen[c.ID] = true
	return nil
}

// wantStatus calls the API, and fails the test unless it answers with that
// status.
func (r *resourceServer) wantStatus(t *testing.T, rt http.RoundTripper, status int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+"/accounts?page=2", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := rt.RoundTrip(req)
	if err != nil {
		t.Error(err)
		return
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body) // so that the connection can be kept
	must(t, err)
	if res.StatusCode != status {
		t.Errorf("the API answers %d %s, want %d", res.StatusCode, res.Header.Get("WWW-Authenticate"), status)
	}
}
