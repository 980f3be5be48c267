package apiauth_test

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// manyServers are an API that names several servers, of which all but some are
// away.
func manyServers(t *testing.T, away ...string) *world {
	t.Helper()
	w := newWorld(t, registering())
	api := respond(func(req *http.Request) *http.Response {
		if req.Header.Get("Authorization") != "" {
			return reply(req, http.StatusOK, nil, "")
		}
		if req.URL.Path == "/.well-known/oauth-protected-resource/v1/mcp" {
			return reply(req, http.StatusOK, nil, object(map[string]any{
				"resource": apiURL, "authorization_servers": []string{"https://one.example", "https://two.example"},
			}))
		}
		return reply(req, http.StatusUnauthorized, http.Header{"Www-Authenticate": {"Bearer"}}, "")
	})
	hosts := map[string]http.RoundTripper{apiHost: api}
	for _, host := range []string{"one.example", "two.example"} {
		if !slices.Contains(away, host) {
			hosts[host] = respond(new(anyServer).answer)
		}
	}
	w.net = newNetwork(apiHost, hosts)
	w.hc = &http.Client{Transport: w.net}
	w.api, w.cfg.HTTPClient = apiURL, w.hc
	w.cfg.Flow = person{w.hc, "alice", &w.tabs}
	return w
}

// asked are the hosts but the API's that a call has led to.
func (w *world) asked() []string {
	var hosts []string
	for _, entry := range w.net.take() {
		if host, _, _ := cutSpace(entry); host != apiHost && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

func TestAuth_AsksOneOfTheServersThatTheAPINames(t *testing.T) {
	ours := map[string]oauth2grant.ClientAuth{"https://two.example": oauth2grant.Public("native")}
	for name, c := range map[string]struct {
		away    []string
		clients map[string]oauth2grant.ClientAuth
		want    string
		fails   bool
	}{
		"the first one":               {want: "one.example"},
		"also while it is away":       {want: "one.example", away: []string{"one.example"}, fails: true},
		"the one that has our client": {want: "two.example", clients: ours},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := manyServers(t, c.away...)
				w.cfg.Clients = c.clients
				a := w.open(t)
				status, err := w.get(t, a)
				if (err != nil) != c.fails || err == nil && status != http.StatusOK {
					t.Fatalf("got %d, %v", status, err)
				}
				if got := w.asked(); !slices.Equal(got, []string{c.want}) {
					t.Errorf("asked %q", got)
				}
			})
		})
	}
}
