package apiauth_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/contrib/apiauth"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func registering() granttest.Config {
	return granttest.Config{Registration: &granttest.Registration{}}
}

// firstCall is what the specifications demand of a first call.
var firstCall = []granttest.Endpoint{
	granttest.Resource, granttest.ResourceMetadata, granttest.Discovery, granttest.Register,
	granttest.Authorize, granttest.Token, granttest.Resource,
}

func TestAuth_CostsNoMoreRequestsThanTheSpecificationDemands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, registering())
		a := w.open(t)
		w.want200(t, a)
		w.wantEndpoints(t, firstCall...)
		w.want200(t, a)
		w.wantEndpoints(t, granttest.Resource)
		w.want200(t, w.open(t)) // another process
		w.wantEndpoints(t, granttest.Resource)
		if w.tabs.Load() != 1 {
			t.Errorf("%d tabs", w.tabs.Load())
		}
	})
}

func TestAuth_SendsTheResourceAndTheRightScopes(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  granttest.Config
		more []string
		want string
	}{
		"of the metadata": {granttest.Config{
			ProtectedResource: &granttest.ProtectedResource{Scopes: []string{"read", "write"}},
		}, nil, "read write"},
		"of the challenge": {granttest.Config{ProtectedResource: &granttest.ProtectedResource{
			Scopes: []string{"read", "write"}, Requires: func(*http.Request) []string { return []string{"read"} },
		}}, nil, "read"},
		"the user's": {granttest.Config{
			ProtectedResource: &granttest.ProtectedResource{Scopes: []string{"read"}},
		}, []string{"more"}, "read more"},
		"none at all": {granttest.Config{
			ProtectedResource: &granttest.ProtectedResource{}, Scopes: []string{"offline_access"},
		}, nil, ""},
		"offline_access where it is offered": {granttest.Config{
			ProtectedResource: &granttest.ProtectedResource{Scopes: []string{"read"}},
			Scopes:            []string{"read", "offline_access"},
		}, nil, "read offline_access"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.cfg.Registration = &granttest.Registration{}
				w := newWorld(t, c.cfg)
				w.cfg.Scopes = c.more
				w.want200(t, w.open(t))
				asked := w.srv.Requests(granttest.Authorize)[0].Form
				if asked.Get("scope") != c.want || asked.Get("resource") != w.api {
					t.Errorf("scope %q of %q", asked.Get("scope"), asked.Get("resource"))
				}
				if got := w.srv.Requests(granttest.Token)[0].Form.Get("resource"); got != w.api {
					t.Errorf("the token request is for %q", got)
				}
			})
		})
	}
}

func TestAuth_UsesTheClientThatThereIs(t *testing.T) {
	const document = "https://agent.example/client.json"
	for name, c := range map[string]struct {
		server granttest.Config
		change func(*world)
		want   string
	}{
		"the user's own before all": {registering(), func(w *world) {
			w.cfg.Clients = map[string]oauth2grant.ClientAuth{
				w.srv.Issuer(): oauth2grant.SecretBasic("client", "secret"),
			}
			w.cfg.ClientMetadataURL = document
		}, "client"},
		"the user's for any server": {granttest.Config{}, func(w *world) {
			w.cfg.Clients = map[string]oauth2grant.ClientAuth{"": oauth2grant.Public("native")}
		}, "native"},
		"a document where the server reads them": {granttest.Config{
			Registration: &granttest.Registration{}, ClientDocuments: map[string]string{
				document: `{"client_id":"` + document + `","redirect_uris":["` + redirectURI + `"]}`,
			},
		}, func(w *world) { w.cfg.ClientMetadataURL = document }, document},
		"a registration where it does not": {
			registering(), func(w *world) { w.cfg.ClientMetadataURL = document }, "registered-",
		},
		"a secret that was not asked for": {
			granttest.Config{Registration: &granttest.Registration{Confidential: true}}, func(*world) {}, "registered-",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.server)
				c.change(w)
				w.want200(t, w.open(t))
				if got := w.srv.Requests(granttest.Token)[0].ClientID; !strings.HasPrefix(got, c.want) {
					t.Errorf("the client is %q", got)
				}
			})
		})
	}
}

func TestAuth_WithoutAClientSaysSo(t *testing.T) {
	w := newWorld(t, granttest.Config{})
	if _, err := w.get(t, w.open(t)); !errors.Is(err, apiauth.ErrNoClient) {
		t.Errorf("got %v", err)
	}
}

func TestAuth_StepsUpOnceWithTheUnionOfScopes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := registering()
		cfg.ProtectedResource = &granttest.ProtectedResource{Requires: func(r *http.Request) []string {
			if r.Header.Get("X-Write") != "" {
				return []string{"write"}
			}
			return []string{"read"}
		}}
		w := newWorld(t, cfg)
		a, other := w.open(t), w.open(t)
		write := func(r *http.Request) { r.Header.Set("X-Write", "1") }
		w.want200(t, a)
		w.want200(t, other)
		w.srv.Reset()
		w.want200(t, a, write)
		if got := w.srv.Requests(granttest.Authorize)[0].Form.Get("scope"); got != "read write" {
			t.Errorf("asked for %q", got)
		}
		w.want200(t, other, write)
		w.want200(t, a)
		if w.tabs.Load() != 2 {
			t.Errorf("%d tabs", w.tabs.Load())
		}
	})
}

func TestAuth_DoesNotStepUpForWhatItHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, registering())
		calls := 0
		refusing := respond(func(req *http.Request) *http.Response {
			calls++
			return &http.Response{
				StatusCode: http.StatusForbidden, Body: http.NoBody, Request: req,
				Header: http.Header{"Www-Authenticate": {`Bearer error="insufficient_scope", scope="read"`}},
			}
		})
		a := w.open(t)
		w.want200(t, a)
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, w.api, nil)
		res, err := a.Transport(refusing).RoundTrip(req)
		if err != nil || res.StatusCode != http.StatusForbidden || w.tabs.Load() != 1 || calls != 1 {
			t.Errorf("got %v, %v, %d tabs, %d calls", res, err, w.tabs.Load(), calls)
		}
	})
}

func TestAuth_RegistersAnewWhereTheServerHasForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, registering())
		a, other := w.open(t), w.open(t)
		w.want200(t, a)
		w.want200(t, other)
		w.srv.ForgetClient(w.srv.Requests(granttest.Token)[0].ClientID)
		time.Sleep(2 * time.Hour)
		w.srv.Reset()
		w.want200(t, a)
		w.want200(t, other)
		if n, tabs := w.srv.Count(granttest.Register), w.tabs.Load(); n != 1 || tabs != 2 {
			t.Errorf("%d registrations, %d tabs in all", n, tabs)
		}
	})
}

func TestAuth_RenewsItsSecretAhead(t *testing.T) {
	for name, c := range map[string]struct {
		registration granttest.Registration
		after        time.Duration
		puts, posts  int
	}{
		"not yet":             {granttest.Registration{SecretLifetime: 240 * time.Hour}, 200 * time.Hour, 0, 0},
		"a day ahead":         {granttest.Registration{SecretLifetime: 240 * time.Hour}, 217 * time.Hour, 1, 0},
		"a third of its life": {granttest.Registration{SecretLifetime: 3 * time.Hour}, 121 * time.Minute, 1, 0},
		"one that can't be": {
			granttest.Registration{SecretLifetime: 3 * time.Hour, Unmanaged: true}, 121 * time.Minute, 0, 0,
		},
		"once it is over it can't": {
			granttest.Registration{SecretLifetime: 3 * time.Hour, Unmanaged: true}, 4 * time.Hour, 0, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.registration.Confidential = true
				w := newWorld(t, granttest.Config{Registration: &c.registration})
				w.cfg.Refresh = oauth2grant.Refresh{Disabled: true}
				a := w.open(t)
				w.want200(t, a)
				time.Sleep(c.after)
				w.srv.Reset()
				w.want200(t, a)
				w.want200(t, w.open(t))
				puts, posts := 0, 0
				for _, r := range w.srv.Requests(granttest.Register) {
					if r.Method == http.MethodPut {
						puts++
					} else {
						posts++
					}
				}
				if puts != c.puts || posts != c.posts {
					t.Errorf("%d renewals, %d registrations", puts, posts)
				}
			})
		})
	}
}

func TestAuth_ManyAtOnceRegisterAndAskOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, registering())
		var group sync.WaitGroup
		for range 8 {
			a := w.open(t)
			for range 4 {
				group.Go(func() {
					if status, err := w.get(t, a); err != nil || status != http.StatusOK {
						t.Errorf("got %d, %v", status, err)
					}
				})
			}
		}
		group.Wait()
		if n, tabs := w.srv.Count(granttest.Register), w.tabs.Load(); n != 1 || tabs != 1 {
			t.Errorf("%d registrations, %d tabs", n, tabs)
		}
	})
}

func TestAuth_KeepsAccountsApartAndSignsOutOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, registering())
		w.cfg.Account = func(r *http.Request) string { return r.Header.Get("X-Account") }
		a := w.open(t)
		as := func(name string) func(*http.Request) {
			return func(r *http.Request) { r.Header.Set("X-Account", name) }
		}
		for _, name := range []string{"one", "two", "one", "two"} {
			w.want200(t, a, as(name))
		}
		if n, tabs := w.srv.Count(granttest.Register), w.tabs.Load(); n != 1 || tabs != 2 {
			t.Fatalf("%d registrations, %d tabs", n, tabs)
		}
		if err := a.SignOut(t.Context(), "one"); err != nil {
			t.Fatal(err)
		}
		w.want200(t, a, as("two"))
		if w.tabs.Load() != 2 {
			t.Error("signing one out has signed out the other")
		}
		w.want200(t, a, as("one"))
		if w.tabs.Load() != 3 {
			t.Error("the one that was signed out is not asked again")
		}
	})
}
