package oauth2grant_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/clientassertion"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/dpop"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/identity"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/leasestore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

const marker = "MARKER-OF-A-SECRET"

// handout is a value that the library hands out, or takes, with a secret in it.
type handout struct {
	value any

	// secrets are those that are no marker.
	secrets []string

	// inClear says that its JSON is in clear, for stores and sessions.
	inClear bool

	// plain says that its secrets are exported fields, which fmt reads where
	// the value is in an unexported field of another package's struct: it calls
	// no method there. SECURITY.md names these types.
	plain bool
}

func handouts(t *testing.T) map[string]handout {
	t.Helper()
	srv := granttest.New(granttest.Config{Clients: []granttest.Client{{ID: "client", Secret: marker}}})
	var issued oauth2grant.Token
	document := `{"access_token":"` + marker + `","token_type":"Bearer","refresh_token":"` + marker + `","id_token":"` +
		marker +
		`","expires_in":3600,"expiry":"2100-01-01T00:00:00Z","other":"` + marker + `"}`
	if err := json.Unmarshal([]byte(document), &issued); err != nil {
		t.Fatal(err)
	}
	cfg := oauth2grant.Config{
		Server: oauth2grant.Server{TokenURL: srv.URL(granttest.Token) + "?key=" + marker},
		Auth:   oauth2grant.SecretPost("client", marker), RevocationAuth: oauth2grant.SecretBasic("client", marker),
		Params: url.Values{"assertion": {marker}}, Token: issued, HTTPClient: srv.HTTPClient(),
	}
	password := oauth2grant.Password{Username: "alice", Password: marker}
	g := open(t, password, cfg)
	ensure(t, g)
	pool := oauth2grant.NewPool(t.Context(), func(context.Context, string) (*oauth2grant.Grant, error) {
		return oauth2grant.New(context.WithoutCancel(t.Context()), password, cfg)
	}, oauth2grant.PoolConfig{})
	t.Cleanup(func() { _ = pool.Close() })
	err := pool.Use(t.Context(), "key", func(g *oauth2grant.Grant) error { return g.EnsureActiveToken(t.Context()) })
	if err != nil {
		t.Fatal(err)
	}
	_, refusal := answering(t, 400, `{"error":"invalid_scope","other":"`+marker+`"}`).Refresh(t.Context(), marker, nil)
	outage := oauth2grant.Config{Server: cfg.Server, Auth: cfg.Auth, HTTPClient: failingWith(
		&url.Error{Op: "Post", URL: "https://h.example/?" + marker, Err: spilled(marker)},
	)}
	_, cut := newClient(t, outage).Refresh(t.Context(), marker, nil)
	authorization := oauth2grant.Authorization{
		URL: "https://auth.example/?state=" + marker, State: marker, Nonce: marker, CodeVerifier: marker,
	}
	proof := oauth2grant.ProofRequest{
		Method: "GET", URL: "https://api.example/?q=" + marker, AccessToken: marker, Nonce: marker,
	}
	c := answering(t, 200, `{"active":true,"sub":"s","other":"`+marker+`"}`)
	active, err := c.Introspect(t.Context(), marker, "")
	who, whoErr := c.UserInfo(t.Context(), marker)
	if err := errors.Join(err, whoErr); err != nil {
		t.Fatal(err)
	}
	event := oauth2grant.Event{Kind: oauth2grant.EventObtained, Token: issued, Err: cut}
	return map[string]handout{
		"Grant": {value: *g}, "*Grant": {value: g}, "Client": {value: *g.Client()}, "*Client": {value: g.Client()},
		"Transport": {value: g.Transport(nil)}, "RPCCredentials": {value: g.PerRPCCredentials()},
		"Pool": {value: pool}, "Status": {value: g.Status()},
		"*Error": {value: refusal}, "*Error of the network": {value: cut},
		"ClientAuth": {value: cfg.Auth}, "header auth": {value: oauth2grant.AuthorizationHeader("c", marker)},
		"Token": {value: issued, inClear: true, plain: true}, "*Token": {value: &issued, inClear: true, plain: true},
		"Event": {value: event, plain: true}, "*Event": {value: &event, plain: true},
		"Authorization":  {value: authorization, inClear: true, plain: true},
		"*Authorization": {value: &authorization, inClear: true, plain: true},
		"ProofRequest":   {value: proof, plain: true}, "*ProofRequest": {value: &proof, plain: true},
		"Password": {value: password, plain: true}, "*Password": {value: &password, plain: true},
		"Config": {value: cfg, plain: true}, "*Config": {value: &cfg, plain: true},
		"JWTBearer":     {value: oauth2grant.JWTBearer{Assertion: secretly}},
		"TokenExchange": {value: oauth2grant.TokenExchange{Subject: secretly, Actor: secretly}},
		"Introspection": {value: active}, "UserInfo": {value: who},
	}
}

// secretly returns the marker.
func secretly(context.Context) (string, error) { return marker, nil }

// satellites are the values of the packages around.
func satellites(t *testing.T) map[string]handout {
	t.Helper()
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d, err := signer.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{
		base64.RawURLEncoding.EncodeToString(d), new(big.Int).SetBytes(d).String(), fmt.Sprintf("%d", d),
	}
	key, err := clientassertion.NewKey(signer, "id")
	if err != nil {
		t.Fatal(err)
	}
	prover, err := dpop.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var jwk struct{ D string }
	if err := json.Unmarshal([]byte(prover.PrivateKey()), &jwk); err != nil {
		t.Fatal(err)
	}
	keys := seal.Keys("k", map[string][]byte{"k": []byte(strings.Repeat("k", seal.KeySize))})
	files, err := filestore.Open(filestore.Config{Path: filepath.Join(t.TempDir(), "token.json"), Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	options := &clientassertion.Options{}
	endpoint := identity.Endpoint{
		URL: "https://u:" + marker + "@h.example/?" + marker, Header: http.Header{"X": {marker}},
	}
	record := leasestore.Record{Token: []byte(marker), Version: 1}
	change := leasestore.Change{Token: []byte(marker)}
	return map[string]handout{
		"client_secret_jwt": {value: clientassertion.ClientSecretJWT("c", marker, options)},
		"private_key_jwt":   {value: clientassertion.PrivateKeyJWT("c", key, options), secrets: secrets},
		"FromFunc":          {value: clientassertion.FromFunc("c", "", secretly)},
		"Key":               {value: key, secrets: secrets}, "*Key": {value: &key, secrets: secrets},
		"Prover": {value: *prover, secrets: []string{jwk.D}}, "*Prover": {value: prover, secrets: []string{jwk.D}},
		"Endpoint": {value: endpoint, plain: true, inClear: true}, "Source": {value: identity.URL(endpoint)},
		"Record": {value: record, plain: true, inClear: true}, "Change": {value: change, plain: true, inClear: true},
		"Box": {value: seal.Box{Keys: keys}}, "filestore.Store": {value: files},
		"filestore.Config": {value: filestore.Config{Keys: keys}},
	}
}

func TestValues_ShowNoSecret(t *testing.T) {
	all := handouts(t)
	maps.Copy(all, satellites(t))
	for name, h := range all {
		v := h.value
		for place, in := range map[string]any{
			"by itself": v, "its address": &v, "an exported field": struct{ V any }{v},
			"the address of a field": &struct{ V any }{v},
			"an array":               [1]any{v}, "a slice": []any{v}, "a map": map[string]any{"k": v},
			"deep":                map[string][]any{"k": {struct{ V any }{v}}},
			"an error":            fmt.Errorf("failed with %v and %+v", v, v),
			"errors":              errors.Join(fmt.Errorf("%#v", v), fmt.Errorf("%q", v)),
			"an unexported field": struct{ v any }{v}, "its address in an unexported field": struct{ v *any }{&v},
			"deep within unexported fields": struct{ v []any }{[]any{map[string]any{"k": struct{ v any }{v}}}},
		} {
			if strings.Contains(place, "unexported field") && !strings.Contains(place, "address") && h.plain {
				continue
			}
			for how, text := range printed(in) {
				within := place != "by itself" && place != "an error" && place != "errors"
				if h.inClear && (how == "JSON" || strings.HasPrefix(how, "JSON") && within) {
					continue
				}
				if shows(text, append(h.secrets, marker)) {
					t.Errorf("%s in %s by %s: %.300s", name, place, how, text)
				}
			}
		}
	}
}

// shows reports whether a text has one of the secrets in it.
func shows(text string, secrets []string) bool {
	lower := strings.ToLower(text)
	for _, s := range secrets {
		encoded, numbers := base64.StdEncoding.EncodeToString([]byte(s)), fmt.Sprintf("%d", []byte(s))
		if strings.Contains(text, s) || strings.Contains(text, encoded) || strings.Contains(text, numbers) ||
			strings.Contains(lower, fmt.Sprintf("%x", s)) {
			return true
		}
	}
	return false
}

// TestValues_ListEveryType holds the list to the types that there
// are.
func TestValues_ListEveryType(t *testing.T) {
	harmless := []string{ // nothing but settings, and funcs
		"AuthCode", "ClientCredentials", "DeviceCode", "DevicePrompt", "Dialect", "PoolConfig", "Refresh",
		"RefreshOnly", "SingleProcess",
		"Server",      // its URLs are the user's own
		"StepUpError", // see below
	}
	all := handouts(t)
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 50 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !spec.Name.IsExported() {
				return true
			}
			if _, ok := spec.Type.(*ast.StructType); !ok {
				return true
			}
			_, value := all[spec.Name.Name]
			_, pointer := all["*"+spec.Name.Name]
			if !value && !pointer && !slices.Contains(harmless, spec.Name.Name) {
				t.Errorf("%s is not tried", spec.Name.Name)
			}
			return true
		})
	}
}

// printed is a value by every verb, in a panic, logged and encoded.
func printed(v any) map[string]string {
	all := map[string]string{}
	for _, verb := range verbs {
		all[verb] = fmt.Sprintf(verb, v)
	}
	func() {
		defer func() { all["panic"] = fmt.Sprint(recover()) }()
		panic(v)
	}()
	for how, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text log": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"JSON log": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		slog.New(handler(&b)).Info("m", "v", v, slog.Group("g", slog.Any("v", v)))
		all[how] = b.String()
	}
	text, err := json.Marshal(v)
	all["JSON"] = fmt.Sprint(string(text), err)
	return all
}

func TestStepUpError_ShowsNoMoreThanTheAPISaid(t *testing.T) {
	res := &http.Response{StatusCode: http.StatusUnauthorized, Header: http.Header{"Www-Authenticate": {
		`Bearer error="insufficient_user_authentication", acr_values="a", error_description="x\u202ey", token="` +
			marker + `"`,
	}}}
	e, ok := oauth2grant.StepUp(res)
	if !ok {
		t.Fatal("no demand")
	}
	for how, text := range printed(e) {
		if strings.Contains(text, marker) || strings.ContainsAny(text, "\u202e") {
			t.Errorf("%s: %s", how, text)
		}
	}
}
