package apiauth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/oauth2grant/go-oauth2grant/contrib/apiauth"
)

// mostRequests is how many requests one call makes at most, whatever the API
// and its servers answer.
const mostRequests = 16

const (
	apiHost  = "api.example"
	apiURL   = "https://" + apiHost + "/v1/mcp"
	evilHost = "evil.example"
)

func reply(req *http.Request, status int, header http.Header, body string) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Request: req,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

func object(members map[string]any) string {
	text, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// anyServer is an authorization server on whichever host it is asked at, which
// agrees to everything. changes are made to its metadata, and registered to its
// answers to registrations; nil takes a member away.
type anyServer struct {
	changes, registered map[string]any
	n                   atomic.Int32
}

func (s *anyServer) answer(req *http.Request) *http.Response {
	base := "https://" + req.URL.Host
	switch {
	case strings.HasPrefix(req.URL.Path, "/.well-known/oauth-authorization-server"):
		m := map[string]any{
			"issuer": base, "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/token",
			"registration_endpoint": base + "/register", "token_endpoint_auth_methods_supported": []string{"none"},
		}
		for name, value := range s.changes {
			m[name] = value
		}
		return reply(req, 200, nil, object(m))
	case req.URL.Path == "/register":
		m := map[string]any{"client_id": fmt.Sprint("client-", s.n.Add(1)), "redirect_uris": []string{redirectURI}}
		for name, value := range s.registered {
			m[name] = value
		}
		return reply(req, 201, nil, object(m))
	case req.URL.Path == "/authorize":
		q := req.URL.Query()
		to := q.Get("redirect_uri") + "?" + url.Values{"code": {"c"}, "state": {q.Get("state")}}.Encode()
		return reply(req, 302, http.Header{"Location": {to}}, "")
	case req.URL.Path == "/token":
		return reply(req, 200, nil, object(map[string]any{
			"access_token": fmt.Sprint("token-", s.n.Add(1)), "token_type": "Bearer", "expires_in": 3600,
			"refresh_token": "r",
		}))
	}
	return reply(req, 404, nil, "")
}

// hostile is an API that means no good.
type hostile struct {
	challenge string                       // of its 401; empty: one that names the well-known place
	metadata  func(n int32) map[string]any // of the API; nil: that of an honest one, at evilHost
	raw       http.RoundTripper            // answers for the metadata instead
	server    anyServer
	always    bool // every request is refused, with a token or without
	status    int  // of that refusal; zero: 401
	n         atomic.Int32
}

func (h *hostile) answer(req *http.Request) *http.Response {
	if strings.HasPrefix(req.URL.Path, "/.well-known/oauth-protected-resource") {
		if h.raw != nil {
			res, _ := h.raw.RoundTrip(req)
			return res
		}
		m := map[string]any{"resource": apiURL, "authorization_servers": []string{"https://" + evilHost}}
		if h.metadata != nil {
			m = h.metadata(h.n.Add(1))
		}
		return reply(req, 200, nil, object(m))
	}
	if !h.always && req.Header.Get("Authorization") != "" {
		return reply(req, 200, nil, "{}")
	}
	challenge := strings.ReplaceAll(h.challenge, "%d", fmt.Sprint(h.n.Add(1)))
	if challenge == "" {
		challenge = `Bearer resource_metadata="https://` + apiHost + `/.well-known/oauth-protected-resource/v1/mcp"`
	}
	status := http.StatusUnauthorized
	if h.status != 0 && req.Header.Get("Authorization") != "" {
		status = h.status
	}
	return reply(req, status, http.Header{"Www-Authenticate": {challenge}}, "")
}

func servers(all ...string) func(int32) map[string]any {
	return func(int32) map[string]any {
		return map[string]any{"resource": apiURL, "authorization_servers": all}
	}
}

func resourceOf(name string) func(int32) map[string]any {
	return func(int32) map[string]any {
		return map[string]any{"resource": name, "authorization_servers": []string{"https://" + evilHost}}
	}
}

func many(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("https://as%d.example", i))
	}
	return all
}

// addresses are inside, or can't be what they seem.
var addresses = []string{
	"https://127.0.0.1", "http://127.0.0.1:8080", "https://localhost", "https://a.localhost", "https://10.1.2.3",
	"https://[::1]", "https://[::ffff:10.0.0.1]", "https://169.254.169.254", "https://[64:ff9b::7f00:1]",
	"https://100.64.0.1", "https://0x7f.1", "http://evil.example", "ftp://evil.example", "file:///etc/passwd",
	"https://user@evil.example", "https://",
}

func TestAuth_HostileAPI(t *testing.T) {
	metadata := apiauth.ErrMetadata
	for name, c := range map[string]struct {
		api  *hostile
		want error // nil: any
		ok   bool  // it gets an answer
		hops int   // hosts beyond the API that are asked, at most
	}{
		"an honest one":          {api: &hostile{}, ok: true, hops: 1},
		"its origin as resource": {api: &hostile{metadata: resourceOf("https://" + apiHost)}, ok: true, hops: 1},
		"a path above as resource": {
			api: &hostile{metadata: resourceOf("https://" + apiHost + "/v1")}, ok: true, hops: 1,
		},
		"another resource": {
			api: &hostile{metadata: resourceOf("https://bank.example/v1/mcp")}, want: metadata,
		},
		"a sibling as resource": {
			api: &hostile{metadata: resourceOf("https://" + apiHost + "/v1/mc")}, want: metadata,
		},
		"a path below as resource": {api: &hostile{metadata: resourceOf(apiURL + "/more")}, want: metadata},
		"a path with dots": {
			api: &hostile{metadata: resourceOf("https://" + apiHost + "/v1/../v1")}, want: metadata,
		},
		"another port as resource": {
			api: &hostile{metadata: resourceOf("https://" + apiHost + ":8443/v1/mcp")}, want: metadata,
		},
		"http as resource": {api: &hostile{metadata: resourceOf("http://" + apiHost + "/v1/mcp")}, want: metadata},
		"no resource":      {api: &hostile{metadata: resourceOf("")}, want: metadata},
		"no server":        {api: &hostile{metadata: servers()}, want: metadata},
		"10,000 servers":   {api: &hostile{metadata: servers(many(10_000)...)}, ok: true, hops: 1},
		"10,000 servers that are none": {
			api: &hostile{
				metadata: servers(many(10_000)...), server: anyServer{changes: map[string]any{"issuer": "x"}},
			},
			hops: 1,
		},
		"a server with another issuer": {
			api: &hostile{server: anyServer{changes: map[string]any{"issuer": "https://bank.example"}}}, hops: 1,
		},
		"a server whose tokens are inside": {
			api:  &hostile{server: anyServer{changes: map[string]any{"token_endpoint": "https://10.0.0.1/token"}}},
			hops: 1,
		},
		"a server that registers inside": {
			api: &hostile{
				server: anyServer{changes: map[string]any{"registration_endpoint": "https://10.0.0.1/register"}},
			},
			want: apiauth.ErrInside, hops: 1,
		},
		"a registration with another redirect URI": {
			api: &hostile{server: anyServer{
				registered: map[string]any{"redirect_uris": []string{"https://evil.example/cb"}},
			}}, hops: 1,
		},
		"a registration with one redirect URI more": {api: &hostile{server: anyServer{
			registered: map[string]any{"redirect_uris": []string{redirectURI, "https://evil.example/cb"}},
		}}, hops: 1},
		"a registration by another method": {
			api: &hostile{server: anyServer{
				registered: map[string]any{"token_endpoint_auth_method": "tls_client_auth"},
			}}, hops: 1,
		},
		"a registration without an id": {
			api: &hostile{server: anyServer{registered: map[string]any{"client_id": ""}}}, hops: 1,
		},
		"a challenge of a megabyte": {
			api: &hostile{
				challenge: `Bearer resource_metadata="https://a.example/` + strings.Repeat("a", 1<<20) + `"`,
			},
			hops: 1,
		},
		"challenges without end": {
			api: &hostile{challenge: strings.Repeat("Bearer error=x, ", 1<<16)}, ok: true, hops: 1,
		},
		"metadata in circles": {api: &hostile{raw: respond(func(req *http.Request) *http.Response {
			return reply(req, 302, http.Header{"Location": {req.URL.String()}}, "")
		})}, want: metadata},
		"metadata that redirects inside": {api: &hostile{raw: respond(func(req *http.Request) *http.Response {
			return reply(req, 302, http.Header{"Location": {"https://169.254.169.254/"}}, "")
		})}, want: metadata},
		"metadata of two megabytes": {api: &hostile{raw: respond(func(req *http.Request) *http.Response {
			return reply(req, 200, nil, `{"resource":"`+strings.Repeat("a", 2<<20))
		})}, want: metadata},
		"metadata that is none": {api: &hostile{raw: respond(func(req *http.Request) *http.Response {
			return reply(req, 200, nil, "<html>")
		})}, want: metadata},
		"metadata elsewhere":  {api: &hostile{challenge: `Bearer resource_metadata="https://evil.example/x"`}, hops: 1},
		"every token refused": {api: &hostile{always: true}, hops: 1},
		"another server at every request": {api: &hostile{always: true, metadata: func(n int32) map[string]any {
			return servers(fmt.Sprintf("https://as%d.example", n))(n)
		}}, hops: 2},
		"another scope at every request": {
			api:  &hostile{always: true, status: 403, challenge: `Bearer error="insufficient_scope", scope="s%d"`},
			hops: 1,
		},
	} {
		t.Run(name, func(t *testing.T) { c.api.run(t, c.want, c.ok, c.hops) })
	}
	for _, address := range addresses {
		t.Run("the metadata at "+address, func(t *testing.T) {
			(&hostile{challenge: `Bearer resource_metadata="` + address + `/m"`}).run(t, metadata, false, 0)
		})
		t.Run("the server at "+address, func(t *testing.T) {
			(&hostile{metadata: servers(address)}).run(t, metadata, false, 0)
		})
	}
}

// run makes three calls, and looks at what they led to.
func (h *hostile) run(t *testing.T, want error, ok bool, hops int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{api: apiURL}
		w.net = newNetwork(apiHost, map[string]http.RoundTripper{apiHost: respond(h.answer)})
		for _, host := range append(many(64), "https://"+evilHost) {
			w.net.hosts[hostOf(t, host)] = respond(h.server.answer)
		}
		w.hc = &http.Client{Transport: w.net}
		w.cfg = apiauth.Config{
			HTTPClient: w.hc, RedirectURIs: []string{redirectURI}, Flow: person{w.hc, "alice", &w.tabs},
		}
		a := w.open(t)
		for range 3 {
			status, err := w.get(t, a)
			if ok && (err != nil || status != 200) || !ok && err == nil && status == 200 {
				t.Errorf("got %d, %v", status, err)
			}
			if want != nil && !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
			log := w.net.take()
			if len(log) > mostRequests {
				t.Errorf("%d requests: %q", len(log), log)
			}
			if elsewhere := hosts(log); len(elsewhere) > hops {
				t.Errorf("asked %q", elsewhere)
			}
			if err != nil && len(err.Error()) > 2000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		}
		if len(w.net.leaks) > 0 {
			t.Errorf("tokens went to %q", w.net.leaks)
		}
	})
}

// hosts are those in a log beside the API's.
func hosts(log []string) []string {
	var all []string
	for _, line := range log {
		host, _, _ := strings.Cut(line, " ")
		if host != apiHost && !slices.Contains(all, host) {
			all = append(all, host)
		}
	}
	return all
}
