package oauth2grant_test

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// asked are the URLs that were asked for so far.
func asked(srv *granttest.Server) []string {
	var urls []string
	for _, r := range srv.Requests() {
		urls = append(urls, r.URL)
	}
	return urls
}

func TestDiscover_LooksAtBothWellKnownPlaces(t *testing.T) {
	for issuer, places := range map[string][2]string{
		"https://auth.example": {
			"https://auth.example/.well-known/oauth-authorization-server",
			"https://auth.example/.well-known/openid-configuration",
		},
		"https://auth.example/tenant/1": {
			"https://auth.example/.well-known/oauth-authorization-server/tenant/1",
			"https://auth.example/tenant/1/.well-known/openid-configuration",
		},
		"https://auth.example/tenant/": {
			"https://auth.example/.well-known/oauth-authorization-server/tenant",
			"https://auth.example/tenant/.well-known/openid-configuration",
		},
	} {
		for name, c := range map[string]struct {
			first  granttest.Fault
			places []string
		}{
			"found at the first":             {granttest.Fault{}, places[:1]},
			"found at the second":            {granttest.Fault{Status: 404}, places[:]},
			"a page for people at the first": {granttest.HTML(200), places[:]},
			"the first is another issuer's": {
				granttest.Fault{Body: `{"issuer":"https://other.example"}`}, places[:],
			},
			"the first names the issuer another way": {
				granttest.Fault{Body: `{"issuer":"` + issuer + `//"}`}, places[:],
			},
			"the first is cut":          {granttest.Fault{Cut: granttest.CutWithin}, places[:]},
			"the first is out of order": {granttest.Fault{Status: 503}, places[:]},
			"the first is garbage":      {granttest.Fault{Body: `{"issuer":`}, places[:]},
			"the first is an array":     {granttest.Fault{Body: `[1]`}, places[:]},
			"the first is endless":      {granttest.Fault{Size: 200 << 20}, places[:]},
			"the first leads to another origin": {
				granttest.Redirect("https://evil.example/metadata"), places[:],
			},
			"the first leads from https to http": {
				granttest.Redirect("http://auth.example/metadata"), places[:],
			},
			"the first leads to another port": {
				granttest.Redirect("https://auth.example:8443/metadata"), places[:],
			},
			"the first leads to the second, same origin": {granttest.Redirect(places[1]), places[:]},
		} {
			t.Run(issuer+" "+name, func(t *testing.T) {
				srv := granttest.New(granttest.Config{Issuer: issuer})
				srv.Script(granttest.Discovery, c.first)
				s, err := oauth2grant.Discover(t.Context(), issuer, srv.HTTPClient())
				if err != nil {
					t.Fatal(err)
				}
				if s.Issuer != issuer || s.TokenURL != srv.URL(granttest.Token) || s.RevocationURL == "" ||
					s.DeviceAuthURL == "" || s.PARURL == "" {
					t.Errorf("got %+v", s)
				}
				if got := asked(srv); !slices.Equal(got, c.places) {
					t.Errorf("asked %q, want %q", got, c.places)
				}
			})
		}
	}
}

// setMetadata changes the documents at both places.
func setMetadata(srv *granttest.Server, name string, value any) {
	edit := granttest.Fault{Edit: func(document map[string]any) {
		if document[name] = value; value == nil {
			delete(document, name)
		}
	}}
	srv.Break(granttest.Discovery, edit)
	srv.Break(granttest.OpenIDConfiguration, edit)
}

func TestDiscover_RefusesADocumentThatItCannotTrust(t *testing.T) {
	for name, c := range map[string]struct{ issuer, member, value string }{
		"another issuer":                    {"https://auth.example", "issuer", "https://other.example"},
		"the issuer with a slash more":      {"https://auth.example", "issuer", "https://auth.example/"},
		"the issuer in other case":          {"https://auth.example", "issuer", "https://Auth.example"},
		"an endpoint over http":             {"https://auth.example", "token_endpoint", "http://auth.example/token"},
		"an endpoint at this machine":       {"https://auth.example", "token_endpoint", "https://127.0.0.1/token"},
		"an endpoint at this machine, IPv6": {"https://auth.example", "token_endpoint", "https://[::1]/token"},
		"an endpoint at this machine, mixed": {
			"https://auth.example", "token_endpoint", "https://[::ffff:127.0.0.1]/token",
		},
		"an endpoint at http loopback": {"https://auth.example", "revocation_endpoint", "http://127.0.0.1/token"},
		"an endpoint at localhost":     {"https://auth.example", "userinfo_endpoint", "https://localhost/token"},
		"an endpoint below localhost":  {"https://auth.example", "userinfo_endpoint", "https://a.LocalHost./token"},
		"an endpoint in 10/8":          {"https://auth.example", "introspection_endpoint", "https://10.1.2.3/token"},
		"an endpoint in 192.168/16":    {"https://auth.example", "authorization_endpoint", "https://192.168.0.1/"},
		"an endpoint that is link local": {
			"https://auth.example", "device_authorization_endpoint", "https://169.254.169.254/",
		},
		"an endpoint in fd00::/8":         {"https://auth.example", "token_endpoint", "https://[fd00::1]/"},
		"an unspecified address":          {"https://auth.example", "token_endpoint", "https://0.0.0.0/"},
		"an endpoint with a user":         {"https://auth.example", "token_endpoint", "https://a:b@auth.example/"},
		"an endpoint that is no URL":      {"https://auth.example", "token_endpoint", "/token"},
		"an endpoint of another scheme":   {"https://auth.example", "token_endpoint", "file:///etc/passwd"},
		"http for an https issuer inside": {"https://127.0.0.1", "token_endpoint", "http://127.0.0.1/token"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := granttest.New(granttest.Config{Issuer: c.issuer})
			setMetadata(srv, c.member, c.value)
			found, err := oauth2grant.Discover(t.Context(), c.issuer, srv.HTTPClient())
			switch {
			case c.member == "issuer":
				if e := isFailure(t, err); e.Op != "discovery" || oauth2grant.IsTransient(err) {
					t.Errorf("got %v", err)
				}
			case err != nil || endpointsOf(found)[c.member] != "": // the others may be used
				t.Errorf("got %+v, %v", found, err)
			}
			if c.member != "issuer" && c.member != "token_endpoint" {
				return
			}
			c, err := oauth2grant.NewClient(configFor(srv))
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.RequestToken(t.Context(), url.Values{"grant_type": {"client_credentials"}})
			if err == nil || srv.Count(granttest.Token) != 0 {
				t.Errorf("the secret was sent: %v", asked(srv))
			}
		})
	}
}

// endpointsOf returns some endpoints of a server by their names in metadata.
func endpointsOf(s oauth2grant.Server) map[string]string {
	return map[string]string{
		"token_endpoint": s.TokenURL, "revocation_endpoint": s.RevocationURL, "userinfo_endpoint": s.UserInfoURL,
		"introspection_endpoint": s.IntrospectionURL, "authorization_endpoint": s.AuthURL,
		"device_authorization_endpoint": s.DeviceAuthURL,
	}
}

func TestDiscover_AcceptsOtherHostsAndInsideWhatIsInside(t *testing.T) {
	for name, c := range map[string]struct{ issuer, endpoint string }{
		"another https host":                    {"https://auth.example", "https://tokens.example/t"},
		"this machine for an issuer there":      {"http://127.0.0.1:8080", "http://127.0.0.1:8081/t"},
		"a private address for an issuer there": {"https://10.0.0.1", "https://192.168.0.1/t"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := granttest.New(granttest.Config{Issuer: c.issuer})
			setMetadata(srv, "token_endpoint", c.endpoint)
			s, err := oauth2grant.Discover(t.Context(), c.issuer, srv.HTTPClient())
			if err != nil || s.TokenURL != c.endpoint {
				t.Errorf("got %q, %v", s.TokenURL, err)
			}
		})
	}
}

func TestDiscover_RefusesAnIssuerBeforeItAsks(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	for _, issuer := range []string{
		"", "auth.example", "http://auth.example", "https://u:p@auth.example", "https://auth.example#f",
		"ftp://auth.example", "https://%zz",
	} {
		_, err := oauth2grant.Discover(t.Context(), issuer, srv.HTTPClient())
		if isFailure(t, err).Op != "discovery" || oauth2grant.IsTransient(err) {
			t.Errorf("%q: %v", issuer, err)
		}
	}
	if got := asked(srv); len(got) != 0 {
		t.Errorf("asked %q", got)
	}
}

func TestDiscover_GivesUpOnRedirectsInACircle(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	srv.Break(granttest.Discovery, granttest.Redirect(srv.URL(granttest.OpenIDConfiguration)))
	srv.Break(granttest.OpenIDConfiguration, granttest.Redirect(srv.URL(granttest.Discovery)))
	_, err := oauth2grant.Discover(t.Context(), srv.Issuer(), srv.HTTPClient())
	_ = isFailure(t, err)
	if n := len(asked(srv)); n > 12 {
		t.Errorf("%d requests", n)
	}
}

func TestDiscover_ReadsNoMoreThanAMebibyte(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	srv.Break(granttest.Discovery, granttest.Fault{Size: 200 << 20})
	srv.Break(granttest.OpenIDConfiguration, granttest.Fault{Size: 200 << 20})
	var read atomic.Int64
	counting := tripper(func(r *http.Request) (*http.Response, error) {
		res, err := srv.Transport().RoundTrip(r)
		if err == nil {
			res.Body = struct {
				io.Reader
				io.Closer
			}{io.TeeReader(res.Body, writer(func(p []byte) { read.Add(int64(len(p))) })), res.Body}
		}
		return res, err
	})
	_, err := oauth2grant.Discover(t.Context(), srv.Issuer(), &http.Client{Transport: counting})
	_ = isFailure(t, err)
	if n := read.Load(); n > 2<<20+64<<10 {
		t.Errorf("read %d bytes", n)
	}
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

func TestDiscover_LooksBelowTheIssuerLast(t *testing.T) {
	for issuer, below := range map[string]string{
		"https://auth.example/tenant":             "/tenant/.well-known/oauth-authorization-server",
		"https://auth.example/tenant/":            "/tenant/.well-known/oauth-authorization-server",
		"https://auth.example/a/b/c":              "/a/b/c/.well-known/oauth-authorization-server",
		"https://auth.example/oauth2/default":     "/oauth2/default/.well-known/oauth-authorization-server",
		"https://auth.example/realms/x":           "/realms/x/.well-known/oauth-authorization-server",
		"https://auth.example/tenant/v2.0":        "/tenant/v2.0/.well-known/oauth-authorization-server",
		"https://auth.example/t%20x":              "/t x/.well-known/oauth-authorization-server",
		"https://auth.example:8443/tenant":        "/tenant/.well-known/oauth-authorization-server",
		"http://127.0.0.1:8080/tenant":            "/tenant/.well-known/oauth-authorization-server",
		"https://auth.example/oidc/.well-known/x": "/oidc/.well-known/x/.well-known/oauth-authorization-server",
	} {
		for name, others := range map[string]int{"nothing": 404, "a page": 200, "an outage": 503, "a refusal": 403} {
			var asked []string
			server := scripted(func(r *http.Request, _ url.Values) (int, string) {
				asked = append(asked, r.URL.Path)
				if r.URL.Path == below {
					return 200, `{"issuer":"` + issuer + `","token_endpoint":"` + issuer + `/token"}`
				}
				return others, "<html>"
			})
			s, err := oauth2grant.Discover(t.Context(), issuer, server)
			if err != nil || s.TokenURL != issuer+"/token" || len(asked) != 3 || asked[2] != below {
				t.Errorf("%s, %s elsewhere: got %q, %v after %q", issuer, name, s.TokenURL, err, asked)
			}
		}
	}
}

func TestDiscover_SaysInOneLineWhatWentWrong(t *testing.T) {
	const path, oidc, below = "/.well-known/oauth-authorization-server/t", "/t/.well-known/openid-configuration",
		"/t/.well-known/oauth-authorization-server"
	const at = "oauth2grant: discovery at auth.example: "
	for name, c := range map[string]struct {
		answers   map[string]int
		body      string
		want      string
		transient bool
	}{
		"none anywhere": {
			nil, `<html>`, at + path + "; " + oidc + "; " + below + ": no metadata there (HTTP 404)", false,
		},
		"an outage": {
			map[string]int{path: 503, oidc: 503, below: 503},
			``,
			at + path + "; " + oidc + "; " + below + ": no metadata there (HTTP 503)", true,
		},
		"an outage of one": {
			map[string]int{oidc: 500}, ``, at + path + ": no metadata there (HTTP 404); " + oidc +
				": no metadata there (HTTP 500); " + below + ": no metadata there (HTTP 404)", true,
		},
		"another's metadata": {
			map[string]int{oidc: 200},
			`{"issuer":"https://evil.example"}`,
			`the metadata is that of issuer "https://evil.example", not of "https://auth.example/t"`, false,
		},
		"a template": {
			map[string]int{oidc: 200},
			`{"issuer":"https://auth.example/{tenantid}?key=K"}`,
			`the metadata is that of issuer "https://auth.example/{tenantid}", not of`, false,
		},
		"no metadata": {
			map[string]int{oidc: 200}, `<html>`, oidc + ": the metadata is not a JSON object (HTTP 200)", true,
		},
		"an error": {
			map[string]int{oidc: 400},
			`{"error":"invalid_request","error_description":"no such tenant"}`,
			oidc + ": invalid_request: no such tenant (HTTP 400)", false,
		},
		"a redirect": {
			map[string]int{path: 302, oidc: 302, below: 302}, ``, "redirects without saying where to", false,
		},
	} {
		_, err := oauth2grant.Discover(t.Context(), "https://auth.example/t",
			scripted(func(r *http.Request, _ url.Values) (int, string) {
				if status, ok := c.answers[r.URL.Path]; ok {
					return status, c.body
				}
				return 404, `<html>`
			}))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v\nwant %s", name, err, c.want)
		}
		if oauth2grant.IsTransient(err) != c.transient {
			t.Errorf("%s: transient %v", name, !c.transient)
		}
	}
}
