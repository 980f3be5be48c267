package oauth2grant_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// prover is a Prover whose proofs say what they cover.
type prover struct {
	err error

	mu      sync.Mutex
	learned []string
}

func (p *prover) Proof(_ context.Context, r oauth2grant.ProofRequest) (string, error) {
	bound := "-"
	if r.AccessToken != "" {
		bound = "ath"
	}
	return strings.Join([]string{r.Method, r.URL, bound, r.Nonce}, " "), p.err
}

func (p *prover) Learn(origin, nonce string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.learned = append(p.learned, origin+" "+nonce)
}

func (p *prover) Thumbprint() string { return "thumb" }

func proving(srv *granttest.Server, p *prover) oauth2grant.Config {
	srv.Break(granttest.Token, granttest.Fault{Edit: func(a map[string]any) { a["token_type"] = "DPoP" }})
	cfg := configFor(srv)
	cfg.Proof = p
	return cfg
}

// bound is an API that wants proofs: its answers are scripted, and then 200.
type bound struct {
	seen    []string // Authorization's scheme and the proof
	answers []*http.Response
}

func (b *bound) RoundTrip(r *http.Request) (*http.Response, error) {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	b.seen = append(b.seen, scheme+" | "+strings.Join(r.Header.Values("DPoP"), ", "))
	res := &http.Response{StatusCode: 200, Header: http.Header{}}
	if len(b.answers) > 0 {
		res, b.answers = b.answers[0], b.answers[1:]
	}
	res.Body, res.Request = http.NoBody, r
	return res, nil
}

func wantsNonce(nonce string) *http.Response {
	return &http.Response{
		StatusCode: 401, Header: http.Header{
			"Www-Authenticate": {`DPoP error="use_dpop_nonce"`}, "Dpop-Nonce": {nonce},
		},
	}
}

func TestProof_CoversTheRequestItGoesWith(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	p := &prover{}
	g := open(t, alice(), proving(srv, p))
	r := get(t, "https://u:p@api.example/api/x?q=1#f")
	r.Method = ""
	if err := g.Authorize(r); err != nil {
		t.Fatal(err)
	}
	if got, want := r.Header.Get("DPoP"), "GET https://api.example/api/x ath "; got != want {
		t.Errorf("proof %q, want %q", got, want)
	}
	got, want := last(t, srv, granttest.Token).Header.Get("DPoP"), "POST "+srv.URL(granttest.Token)+" - "
	if got != want {
		t.Errorf("proof of the token request %q, want %q", got, want)
	}
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if scheme != "DPoP" || value != tokenOf(t, g).AccessToken {
		t.Errorf("scheme %q", scheme)
	}
}

func TestPrepareRequest_RefusesWhereAProofCoversTheWholeRequest(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	g := open(t, alice(), proving(srv, &prover{}))
	h := http.Header{}
	err := g.PrepareRequest(t.Context(), h)
	if err == nil || !strings.Contains(err.Error(), "Authorize") || len(h) != 0 || len(asked(srv)) != 0 {
		t.Errorf("got %v, header %v", err, h)
	}
}

func TestProof_ANonceThatAServerWantsIsPutInOnce(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	p := &prover{}
	cfg := proving(srv, p)
	want := granttest.Error(400, "use_dpop_nonce", "")
	want.Header.Set("DPoP-Nonce", "n1")
	srv.Script(granttest.Token, want)
	resource := &bound{answers: []*http.Response{wantsNonce("n2")}}
	g := open(t, alice(), cfg)
	if status := call(t, g.Transport(resource), get(t, api)); status != 200 {
		t.Errorf("got %d", status)
	}
	if got, want := resource.seen, []string{
		"DPoP | GET " + api + " ath ", "DPoP | GET " + api + " ath n2",
	}; !slices.Equal(got, want) {
		t.Errorf("API: %q, want %q", got, want)
	}
	var proofs []string
	for _, r := range srv.Requests(granttest.Token) {
		proofs = append(proofs, r.Header.Get("DPoP"))
	}
	token := srv.URL(granttest.Token)
	if want := []string{"POST " + token + " - ", "POST " + token + " - n1"}; !slices.Equal(proofs, want) {
		t.Errorf("token requests: %q, want %q", proofs, want)
	}
	if want := []string{
		"https://auth.granttest.example:443 n1", "https://api.example:443 n2",
	}; !slices.Equal(p.learned, want) {
		t.Errorf("learned %q, want %q", p.learned, want)
	}
}

func TestProof_AServerThatAlwaysWantsAnotherNonceGetsTwoRequests(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	p := &prover{}
	cfg := proving(srv, p)
	g := open(t, alice(), cfg)
	resource := &bound{answers: []*http.Response{wantsNonce("n1"), wantsNonce("n2"), wantsNonce("n3")}}
	if status := call(t, g.Transport(resource), get(t, api)); status != 401 || len(resource.seen) != 2 {
		t.Errorf("got %d after %d requests", status, len(resource.seen))
	}
	fault := granttest.Error(400, "use_dpop_nonce", "")
	fault.Header.Set("DPoP-Nonce", "n")
	srv.Break(granttest.Token, fault)
	srv.Reset()
	_, err := g.RefreshToken(t.Context())
	wantIs(t, err, oauth2grant.UseDPoPNonce)
	if n := srv.Count(granttest.Token); n != 2 {
		t.Errorf("%d token requests", n)
	}
}

func TestTransport_RenewsADPoPTokenWithAFreshProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g := open(t, alice(), proving(srv, &prover{}))
		ensure(t, g)
		pass(time.Minute)
		resource := &bound{
			answers: []*http.Response{
				{StatusCode: 401, Header: http.Header{"Www-Authenticate": {`DPoP error="invalid_token"`}}},
			},
		}
		if status := call(t, g.Transport(resource), get(t, api)); status != 200 || srv.Count(granttest.Token) != 2 {
			t.Errorf("got %d, %d token requests", status, srv.Count(granttest.Token))
		}
	})
}

func TestUserInfo_IsAskedWithAProofWhereTokensAreBound(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	p := &prover{}
	cfg := proving(srv, p)
	resource := &bound{answers: []*http.Response{wantsNonce("n1")}}
	cfg.Server.UserInfoURL = "https://api.example/userinfo"
	cfg.HTTPClient = &http.Client{Transport: resource}
	if _, err := newClient(t, cfg).UserInfo(t.Context(), "T"); err == nil {
		t.Error("an empty answer is somebody")
	}
	want := []string{"DPoP | GET https://api.example/userinfo ath ", "DPoP | GET https://api.example/userinfo ath n1"}
	if !slices.Equal(resource.seen, want) {
		t.Errorf("got %q", resource.seen)
	}
}
