package authserver_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// client is one OAuth client of a running server, in plain HTTP.
type client struct {
	*http.Client
	t          *testing.T
	server     *authserver.Server
	id, secret string
}

func start(t *testing.T, cfg authserver.Config) *authserver.Server {
	t.Helper()
	s, err := authserver.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newClient(t *testing.T, s *authserver.Server, id, secret string) *client {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{&http.Client{Transport: tr, CheckRedirect: stay}, t, s, id, secret}
}

type answer struct {
	status int
	body   string
	header http.Header
	fields map[string]any
}

func (a answer) str(name string) string {
	v, _ := a.fields[name].(string)
	return v
}

func (c *client) do(req *http.Request) answer {
	c.t.Helper()
	res, err := c.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, body: string(body), header: res.Header}
	_ = json.Unmarshal(body, &a.fields)
	return a
}

// post sends a form as the client: with Basic if it has a secret.
func (c *client) post(path string, pairs ...string) answer {
	c.t.Helper()
	form := url.Values{"client_id": {c.id}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.server.Issuer()+path,
		strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if c.secret != "" {
		req.SetBasicAuth(url.QueryEscape(c.id), url.QueryEscape(c.secret))
	}
	return c.do(req)
}

func (c *client) get(target, accessToken string) answer {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, target, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if accessToken != "" {
		req.Header.Set("Authorization", "Bearer "+accessToken)
	}
	return c.do(req)
}

// api is the status of a call to the protected resource.
func (c *client) api(accessToken string) int {
	c.t.Helper()
	return c.get(c.server.Issuer()+"/api/orders", accessToken).status
}

func (c *client) wants(a answer, status int, code string) {
	c.t.Helper()
	if a.status != status || a.str("error") != code {
		c.t.Fatalf("got %d %q, want %d %q; body %s", a.status, a.str("error"), status, code, a.body)
	}
}

const (
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 Appendix B
	redirect = "http://127.0.0.1:54321/callback"
)

func (c *client) authorization(more ...string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"client_id": {c.id}, "response_type": {"code"}, "redirect_uri": {redirect}, "state": {"0123456789"},
		"scope": {"openid offline_access read"}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return q
}

// callback is the query of the redirect that an answer of the authorization
// endpoint is.
func (c *client) callback(a answer) url.Values {
	c.t.Helper()
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusSeeOther || !strings.HasPrefix(u.String(), redirect) {
		c.t.Fatalf("no redirect to the client: %d %q %s", a.status, u, a.body)
	}
	if u.Query().Get("iss") != c.server.Issuer() || u.Query().Get("state") != "0123456789" {
		c.t.Fatalf("iss or state missing: %s", u)
	}
	return u.Query()
}

func (c *client) redeem(code string) answer {
	c.t.Helper()
	a := c.post("/token", "grant_type", "authorization_code", "code", code, "redirect_uri", redirect,
		"code_verifier", verifier)
	c.wants(a, http.StatusOK, "")
	return a
}

func (c *client) signedIn() answer {
	c.t.Helper()
	a := c.get(c.server.Issuer()+"/authorize?"+c.authorization("login_hint", "auto:alice").Encode(), "")
	return c.redeem(c.callback(a).Get("code"))
}

var formAction = regexp.MustCompile(`<form method="post" action="([^"]+)"`)

// submit fills in the form of a page.
func (c *client) submit(page answer, pairs ...string) answer {
	c.t.Helper()
	m := formAction.FindStringSubmatch(page.body)
	if m == nil {
		c.t.Fatalf("no form in %s", page.body)
	}
	return c.post(html.UnescapeString(m[1]), pairs...)
}

// onRead tells when it is first read.
type onRead struct {
	io.Reader
	read chan struct{}
}

func (r *onRead) Read(b []byte) (int, error) {
	select {
	case <-r.read:
	default:
		close(r.read)
	}
	return r.Reader.Read(b)
}
