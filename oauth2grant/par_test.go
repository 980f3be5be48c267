package oauth2grant_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestPushedAuthorization(t *testing.T) {
	for _, c := range []struct {
		name     string
		required bool
		wished   bool
		auth     oauth2grant.ClientAuth
		pushed   int
	}{
		{"neither required nor wished", false, false, oauth2grant.Public("native"), 0},
		{"required", true, false, oauth2grant.Public("native"), 1},
		{"wished", false, true, oauth2grant.Public("native"), 1},
		{"both", true, true, oauth2grant.SecretPost("client", "secret"), 1},
		{"by a confidential client", true, false, oauth2grant.SecretBasic("client", "secret"), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv, cfg := signInServer(t, granttest.Config{RequirePAR: c.required})
			cfg.Auth, cfg.PushedAuthorization = c.auth, c.wished
			var query url.Values
			g := newGrant(t, oauth2grant.AuthCode{
				Open: func(ctx context.Context, authURL string) error {
					u, err := url.Parse(authURL)
					query = u.Query()
					return errors.Join(err, approve(srv)(ctx, authURL))
				},
				Params: url.Values{"prompt": {"consent"}},
			}, cfg)
			ensure(t, g)
			pushes := srv.Requests(granttest.PAR)
			if len(pushes) != c.pushed {
				t.Fatalf("%d requests were pushed, want %d", len(pushes), c.pushed)
			}
			if c.pushed == 0 {
				return
			}
			form := pushes[0].Form
			for _, name := range []string{
				"client_id", "redirect_uri", "response_type", "state", "scope", "nonce", "code_challenge",
				"code_challenge_method", "prompt",
			} {
				if form.Get(name) == "" {
					t.Errorf("what was pushed lacks %s", name)
				}
			}
			if names := slices.Sorted(maps.Keys(query)); !slices.Equal(names, []string{"client_id", "request_uri"}) {
				t.Errorf("the browser carries %v", names)
			}
		})
	}
}

func TestPushedAuthorization_BelongsToTheClient(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	_, err := oauth2grant.New(t.Context(), oauth2grant.AuthCode{}, oauth2grant.Config{
		Client: newClient(t, configFor(srv)), PushedAuthorization: true,
	})
	if err == nil || !strings.Contains(err.Error(), "PushedAuthorization") {
		t.Errorf("got %v", err)
	}
}

func TestPushedAuthorization_Fails(t *testing.T) {
	without := granttest.Fault{Edit: func(m map[string]any) {
		delete(m, "pushed_authorization_request_endpoint")
		m["require_pushed_authorization_requests"] = true
	}}
	answered := func(uri any) granttest.Fault {
		return granttest.Fault{Edit: func(m map[string]any) { m["request_uri"] = uri }}
	}
	for _, c := range []struct {
		name     string
		endpoint granttest.Endpoint
		fault    granttest.Fault
		want     error // nil: any
	}{
		{"no endpoint", granttest.Discovery, without, errors.ErrUnsupported},
		{
			"the client is refused", granttest.PAR, granttest.Error(http.StatusUnauthorized, "invalid_client", "who?"),
			oauth2grant.InvalidClient,
		},
		{
			"the request is refused", granttest.PAR, granttest.Error(http.StatusBadRequest, "invalid_scope", ""),
			oauth2grant.InvalidScope,
		},
		{"the server is busy", granttest.PAR, granttest.RetryAfter(http.StatusServiceUnavailable, 0), nil},
		{"a page", granttest.PAR, granttest.HTML(http.StatusForbidden), nil},
		{"no request_uri", granttest.PAR, answered(nil), nil},
		{"an empty one", granttest.PAR, answered(""), nil},
		{"a number", granttest.PAR, answered(7), nil},
		{"an endless one", granttest.PAR, answered(string(make([]byte, 5000))), nil},
		{"a cut answer", granttest.PAR, granttest.Fault{Cut: granttest.CutWithin}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := granttest.New(granttest.Config{})
			srv.Script(c.endpoint, c.fault)
			cfg := configFor(srv)
			cfg.PushedAuthorization = true
			a, err := newClient(t, cfg).BeginAuthorization(t.Context(), "https://app.example/cb", nil)
			if e := isFailure(t, err); e.Op != "pushed_authorization" || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("got %v with Op %q, want %v", err, e.Op, c.want)
			}
			if a.URL != "" {
				t.Errorf("it goes on without: %s", a.URL)
			}
		})
	}
}

// thumb is a Prover that proves nothing but that it was asked.
type thumb struct{ asked *[]oauth2grant.ProofRequest }

func (p thumb) Proof(_ context.Context, r oauth2grant.ProofRequest) (string, error) {
	*p.asked = append(*p.asked, r)
	return "proof", nil
}
func (thumb) Learn(string, string) {}
func (thumb) Thumbprint() string   { return "the-thumbprint" }

func TestPushedAuthorization_IsProvedAndNamesTheKey(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	cfg := configFor(srv)
	var asked []oauth2grant.ProofRequest
	cfg.Proof, cfg.PushedAuthorization = thumb{&asked}, true
	if _, err := newClient(t, cfg).BeginAuthorization(t.Context(), "https://app.example/cb", nil); err != nil {
		t.Fatal(err)
	}
	sent := srv.Requests(granttest.PAR)[0]
	if sent.Header.Get("DPoP") != "proof" || sent.Form.Get("dpop_jkt") != "the-thumbprint" {
		t.Errorf("proof %q, dpop_jkt %q", sent.Header.Get("DPoP"), sent.Form.Get("dpop_jkt"))
	}
	if len(asked) != 1 || asked[0].URL != srv.URL(granttest.PAR) || asked[0].Method != http.MethodPost {
		t.Errorf("proofs of %v", asked)
	}
}
