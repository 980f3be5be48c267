package oauth2grant_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

const marker = "MARKER-OF-A-SECRET"

// handout is a value that the library hands out, or takes, with a secret in it.
type handout struct {
	value any

	// inClear says that its JSON is in clear, for stores and sessions.
	inClear bool

	// plain says that its secrets are exported strings, which fmt reads where
	// the value, or with a verb that does not fit its address, is in an
	// unexported field of another package's struct: it calls no method there.
	plain bool
}

func handouts(t *testing.T) map[string]handout {
	t.Helper()
	srv := granttest.New(granttest.Config{Clients: []granttest.Client{{ID: "client", Secret: marker}}})
	var token oauth2grant.Token
	document := `{"access_token":"` + marker + `","token_type":"Bearer","refresh_token":"` + marker + `","id_token":"` +
		marker +
		`","expires_in":3600,"expiry":"2100-01-01T00:00:00Z","other":"` + marker + `"}`
	if err := json.Unmarshal([]byte(document), &token); err != nil {
		t.Fatal(err)
	}
	cfg := oauth2grant.Config{
		Server: oauth2grant.Server{TokenURL: srv.URL(granttest.Token) + "?key=" + marker},
		Auth:   oauth2grant.SecretPost("client", marker), RevocationAuth: oauth2grant.SecretBasic("client", marker),
		Params: url.Values{"assertion": {marker}}, Token: token, HTTPClient: srv.HTTPClient(),
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
	failure := oauth2grant.Refuse("the server said no")
	authorization := oauth2grant.Authorization{
		URL: "https://auth.example/?state=" + marker, State: marker, Nonce: marker, CodeVerifier: marker,
	}
	proof := oauth2grant.ProofRequest{
		Method: "GET", URL: "https://api.example/?q=" + marker, AccessToken: marker, Nonce: marker,
	}
	event := oauth2grant.Event{Kind: oauth2grant.EventObtained, Token: token, Err: failure}
	return map[string]handout{
		"Grant": {value: *g}, "*Grant": {value: g}, "Client": {value: *g.Client()}, "*Client": {value: g.Client()},
		"Transport": {value: g.Transport(nil)}, "RPCCredentials": {value: g.PerRPCCredentials()},
		"Pool": {value: pool}, "Status": {value: g.Status()}, "*Error": {value: failure},
		"ClientAuth":  {value: cfg.Auth},
		"header auth": {value: oauth2grant.AuthorizationHeader("c", marker), plain: true},
		"Token":       {value: token, inClear: true, plain: true},
		"*Token":      {value: &token, inClear: true, plain: true},
		"Event":       {value: event, plain: true}, "*Event": {value: &event, plain: true},
		"Authorization":  {value: authorization, inClear: true, plain: true},
		"*Authorization": {value: &authorization, inClear: true, plain: true},
		"ProofRequest":   {value: proof, plain: true}, "*ProofRequest": {value: &proof, plain: true},
		"Password": {value: password, plain: true}, "*Password": {value: &password, plain: true},
		"Config": {value: cfg, plain: true}, "*Config": {value: &cfg, plain: true},
		"JWTBearer": {
			value: oauth2grant.JWTBearer{Assertion: func(context.Context) (string, error) { return marker, nil }},
		},
	}
}

func TestValues_ShowNoSecret(t *testing.T) {
	for name, h := range handouts(t) {
		v := h.value
		for place, in := range map[string]any{
			"by itself": v, "its address": &v, "an exported field": struct{ V any }{v},
			"the address of a field": &struct{ V any }{v},
			"an array":               [1]any{v}, "a slice": []any{v}, "a map": map[string]any{"k": v},
			"deep":                map[string][]any{"k": {struct{ V any }{v}}},
			"an error":            fmt.Errorf("failed with %v and %+v", v, v),
			"errors":              errors.Join(fmt.Errorf("%#v", v), fmt.Errorf("%q", v)),
			"an unexported field": struct{ v any }{v}, "its address in an unexported field": struct{ v *any }{&v},
		} {
			if place == "an unexported field" && h.plain {
				continue
			}
			for how, text := range printed(in) {
				if h.inClear && strings.HasPrefix(how, "JSON") && place != "by itself" && place != "an error" &&
					place != "errors" ||
					h.inClear && how == "JSON" {
					continue
				}
				if strings.Contains(text, marker) ||
					strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", marker)) {
					t.Errorf("%s in %s by %s: %.300s", name, place, how, text)
				}
			}
		}
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
