package jws_test

import (
	"crypto"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/jws"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/jws/jwstest"
)

// remote is a signer whose private key nobody sees.
type remote struct{ crypto.Signer }

func TestKey_SignsWhatAnIndependentLibraryVerifies(t *testing.T) {
	rsa2048 := jwstest.RSA(t, 2048)
	for name, signer := range map[string]crypto.Signer{
		"RS256": rsa2048, "RS384": rsa2048, "RS512": rsa2048, "PS256": rsa2048, "PS384": rsa2048, "PS512": rsa2048,
		"ES256": jwstest.EC(t, elliptic.P256()), "ES384": jwstest.EC(t, elliptic.P384()),
		"ES512": jwstest.EC(t, elliptic.P521()), "EdDSA": jwstest.Ed25519(t),
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 { // a number with a leading zero is one in 256
				k, err := jws.New(remote{signer}, name)
				if err != nil {
					t.Fatal(err)
				}
				header, err := jws.Encode(map[string]string{"alg": k.Algorithm()})
				if err != nil {
					t.Fatal(err)
				}
				text, err := k.Sign(header, "eyJuIjoxfQ")
				if err != nil {
					t.Fatal(err)
				}
				parsed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(name)})
				if err != nil {
					t.Fatal(err)
				}
				if payload, err := parsed.Verify(signer.Public()); err != nil || string(payload) != `{"n":1}` {
					t.Fatalf("verified %q, %v", payload, err)
				}
			}
		})
	}
}

// RFC 7515 Appendix A.3 (ES256) and A.2 (RS256): the key and what it signs.
const (
	a2Header  = `eyJhbGciOiJSUzI1NiJ9`
	a2Payload = `eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ`
	a2Key     = `{"kty":"RSA",` +
		`"n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Q` +
		`lL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9` +
		`e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9` +
		`_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",` +
		`"e":"AQAB",` +
		`"d":"Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJ` +
		`e46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYan` +
		`rC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneu` +
		`fuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",` +
		`"p":"4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdT` +
		`JNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",` +
		`"q":"uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_Y` +
		`wD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc"}`
	a2Signature = `cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2F` +
		`p5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe` +
		`7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6Lb` +
		`gGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw`
)

func TestKey_SignsAsRFC7515AppendixA2(t *testing.T) {
	k, err := jws.Parse([]byte(a2Key))
	if err != nil {
		t.Fatal(err)
	}
	got, err := k.Sign(a2Header, a2Payload)
	if want := a2Header + "." + a2Payload + "." + a2Signature; err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestKey_SignsAsRFC8037AppendixA4(t *testing.T) {
	k, err := jws.Parse([]byte(`{"kty":"OKP","crv":"Ed25519",
"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`))
	if err != nil {
		t.Fatal(err)
	}
	const input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
	const want = input + ".hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
	header, payload, _ := strings.Cut(input, ".")
	if got, err := k.Sign(header, payload); err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestKey_ThumbprintIsThatOfRFC7638(t *testing.T) {
	k, err := jws.New(remote{rsaPublic{}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.Thumbprint(); err != nil || got != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Errorf("got %q, %v", got, err)
	}
}

// rsaPublic signs nothing; its public key is that of RFC 7638 §3.1.
type rsaPublic struct{}

func (rsaPublic) Public() crypto.PublicKey {
	var jwk jose.JSONWebKey
	err := json.Unmarshal([]byte(
		`{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc`+
			`_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY36`+
			`8QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRw`+
			`r3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB"}`,
	), &jwk)
	if err != nil {
		panic(err)
	}
	return jwk.Key
}

func (rsaPublic) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("no private key")
}

func pemOf(t testing.TB, kind string, der []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func jwkOf(t testing.TB, jwk jose.JSONWebKey) string {
	t.Helper()
	text, err := jwk.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestParse(t *testing.T) {
	ec, ed, rsa2048 := jwstest.EC(t, elliptic.P256()), jwstest.Ed25519(t), jwstest.RSA(t, 2048)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(ed)
	edPEM := pemOf(t, "PRIVATE KEY", pkcs8, err)
	sec1, err := x509.MarshalECPrivateKey(ec)
	ecPEM := pemOf(t, "EC PRIVATE KEY", sec1, err)
	first := jwkOf(t, jose.JSONWebKey{Key: ec, KeyID: "one", Algorithm: "ES256", Use: "sig"})
	second := jwkOf(t, jose.JSONWebKey{Key: rsa2048, KeyID: "two", Algorithm: "PS256"})
	forEncryption := jwkOf(t, jose.JSONWebKey{Key: rsa2048, KeyID: "one", Use: "enc"})
	public := jwkOf(t, jose.JSONWebKey{Key: ec.Public(), KeyID: "public"})
	for name, c := range map[string]struct{ document, algorithm, id string }{
		"PKCS #8": {edPEM, "EdDSA", ""},
		"PKCS #1": {
			pemOf(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsa2048), nil),
			"RS256", "",
		},
		"SEC 1":                          {ecPEM, "ES256", ""},
		"PEM after a certificate":        {pemOf(t, "CERTIFICATE", []byte("x"), nil) + ecPEM, "ES256", ""},
		"a JWK":                          {"  " + first + "\n", "ES256", "one"},
		"a JWK that names its algorithm": {second, "PS256", "two"},
		"the first of a set":             {`{"keys":[` + first + "," + second + `]}`, "ES256", "one"},
		"the first in a set that may sign": {
			`{"keys":[` + public + "," + forEncryption + "," + second + `]}`,
			"PS256", "two",
		},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := jws.Parse([]byte(c.document))
			if err != nil || k.Algorithm() != c.algorithm || k.ID != c.id {
				t.Errorf("got %v, %v", k, err)
			}
		})
	}
}

func TestParse_Refuses(t *testing.T) {
	ec := jwstest.EC(t, elliptic.P256())
	one := jwkOf(t, jose.JSONWebKey{Key: ec, KeyID: "one"})
	raw, err := ec.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	secret := base64.RawURLEncoding.EncodeToString(raw)
	cut := strings.Replace(one, `"crv":"P-256"`, `"crv":"P-999"`, 1)
	encrypted := string(pem.EncodeToMemory(&pem.Block{
		Type:    "RSA PRIVATE KEY",
		Headers: map[string]string{"DEK-Info": "x"},
	}))
	p224, err := x509.MarshalPKCS8PrivateKey(jwstest.EC(t, elliptic.P224()))
	for name, c := range map[string]struct{ document, want string }{
		"nothing":                      {" \n", "empty"},
		"a huge document":              {strings.Repeat("x", jws.MaxKey+1), "256 KiB"},
		"prose":                        {"hello", "no private key"},
		"a certificate":                {pemOf(t, "CERTIFICATE", []byte("x"), nil), "no private key"},
		"a PEM block that is cut":      {pemOf(t, "PRIVATE KEY", []byte(secret), nil), "cannot be read"},
		"an encrypted key":             {pemOf(t, "ENCRYPTED PRIVATE KEY", []byte("x"), nil), "passphrase"},
		"an encrypted key of old":      {encrypted, "passphrase"},
		"JSON that is cut":             {one[:len(one)-3], "not JSON"},
		"a JWK on an unknown curve":    {cut, "cannot be read"},
		"a public JWK":                 {jwkOf(t, jose.JSONWebKey{Key: ec.Public()}), "private one"},
		"a JWK for encryption":         {jwkOf(t, jose.JSONWebKey{Key: ec, Use: "enc"}), "encryption"},
		"a symmetric JWK":              {jwkOf(t, jose.JSONWebKey{Key: []byte(secret)}), "cannot sign"},
		"a JWK of the wrong algorithm": {jwkOf(t, jose.JSONWebKey{Key: ec, Algorithm: "RS256"}), "ES256"},
		"a set without a private key": {
			`{"keys":[` + jwkOf(t, jose.JSONWebKey{Key: ec.Public()}) + `]}`,
			"no private key",
		},
		"an empty set": {`{"keys":[]}`, "no private key"},
		"two keys with one kid": {`{"keys":[` + one + "," + jwkOf(t, jose.JSONWebKey{
			Key:   jwstest.Ed25519(t),
			KeyID: "one",
		}) + `]}`, `"one"`},
		"a curve that JOSE has not": {pemOf(t, "PRIVATE KEY", p224, err), "P-256"},
		"an RSA key of 1024 bits": {pemOf(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(jwstest.RSA(t, 1024)),
			nil), "2048"},
		"a set in which nothing is fit": {`{"keys":[7,{"kty":"oct","k":"` + secret + `"}]}`, "cannot sign"},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := jws.Parse([]byte(c.document))
			if err == nil || k != nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, %v; want an error with %q", k, err, c.want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}

// faulty is a key service that answers with something else than asked for.
type faulty struct {
	crypto.Signer
	answer string
}

func (f faulty) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	if f.answer == "" {
		return nil, errors.New("the key service is down")
	}
	return []byte(f.answer), nil
}

func TestKey_RefusesWhatIsNoSignature(t *testing.T) {
	for name, answer := range map[string]string{
		"an error": "", "garbage": "garbage", "zero": "\x30\x06\x02\x01\x00\x02\x01\x00",
		"a number beyond the curve": "\x30\x26\x02\x21\x01" + strings.Repeat("\xff", 32) + "\x02\x01\x01",
		"more than a signature":     "\x30\x06\x02\x01\x01\x02\x01\x01more",
	} {
		t.Run(name, func(t *testing.T) {
			k, err := jws.New(faulty{jwstest.EC(t, elliptic.P256()), answer}, "")
			if err != nil {
				t.Fatal(err)
			}
			if text, err := k.Sign("e30", "e30"); err == nil || text != "" {
				t.Errorf("got %q, %v", text, err)
			}
		})
	}
}
