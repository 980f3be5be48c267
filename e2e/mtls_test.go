package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/e2e/internal/servers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// TestMTLS_AtTheCertifiedServer authenticates by a certificate (RFC 8705), at
// the endpoints that ask for one.
func TestMTLS_AtTheCertifiedServer(t *testing.T) {
	t.Parallel()
	p, s := startKeyless(t)
	for id, files := range map[string]string{"mtls": "self", "mtls-ca": "mtls"} {
		t.Run(id, func(t *testing.T) {
			g := newGrant(t, oauth2grant.ClientCredentials{}, s.certified(t, p, id, files))
			token := tokenOf(t, g)
			if got := s.inspect(t, token.AccessToken); !got.Active || got.ClientID != id {
				t.Errorf("the server says active %t, client %q", got.Active, got.ClientID)
			}
		})
	}
}

// certified is the Config of a client that has a certificate.
func (s *authServer) certified(t *testing.T, p *servers.OIDCProvider, id, files string) oauth2grant.Config {
	t.Helper()
	cfg := s.config(oauth2grant.Public(id), "read")
	cfg.Server.MTLS = true
	cfg.HTTPClient = &http.Client{Transport: onEachConnection(certificate(t, p, files))}
	return cfg
}

// TestMTLS_ACertificateIsRotated while a program runs: the next connection
// shows the new one, and the token that was bound to the old one is renewed. A
// connection that is kept goes on with the old one.
func TestMTLS_ACertificateIsRotated(t *testing.T) {
	t.Parallel()
	const life = 20 * time.Second
	p := servers.StartOIDCProvider(t, servers.Options{AccessTokenLifetime: life})
	s := &authServer{oidcProvider, p.Issuer(), func() int { return p.Stats(t).TokenRequests }}
	api := startResourceServer(t, s.client(t))
	tlsConfig := certificate(t, p, "mtls")
	tlsConfig.RootCAs.AddCert(api.Certificate())
	g := newGrant(t, oauth2grant.ClientCredentials{}, s.certified(t, p, "mtls-ca", "mtls"))
	api.wantStatus(t, g.Transport(onEachConnection(tlsConfig)), http.StatusOK)

	rotateCertificate(t, p, "mtls")
	<-time.After(life / 10) // a younger token is not renewed for a 401
	s.wantRequests(t, 1, func() {
		api.wantStatus(t, g.Transport(onEachConnection(tlsConfig)), http.StatusOK)
	})
	if n := api.certificates(); n != 2 {
		t.Errorf("the API saw %d certificates, want the old one and the new one", n)
	}

	kept := &http.Transport{TLSClientConfig: tlsConfig}
	defer kept.CloseIdleConnections()
	api.wantStatus(t, g.Transport(kept), http.StatusOK)
	rotateCertificate(t, p, "mtls")
	if _, err := g.FetchToken(t.Context()); err != nil {
		t.Fatal(err)
	}
	api.wantStatus(t, g.Transport(kept), http.StatusUnauthorized)
	kept.CloseIdleConnections()
	api.wantStatus(t, g.Transport(kept), http.StatusOK)
}

// rotateCertificate replaces a certificate that the authority has signed, and
// its key, by new ones of the same name.
func rotateCertificate(t *testing.T, p *servers.OIDCProvider, files string) {
	t.Helper()
	authority, err := tls.LoadX509KeyPair(p.File("ca.crt"), p.File("ca.key"))
	must(t, err)
	old, err := tls.LoadX509KeyPair(p.File(files+".crt"), p.File(files+".key"))
	must(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	raw, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: old.Leaf.Subject.CommonName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, authority.Leaf, key.Public(), authority.PrivateKey)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	for name, block := range map[string]*pem.Block{
		files + ".crt": {Type: "CERTIFICATE", Bytes: raw}, files + ".key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		must(t, os.WriteFile(p.File(name), pem.EncodeToMemory(block), 0o600))
	}
}
