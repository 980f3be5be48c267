package oauth2grant_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

const unauthorized = `Bearer realm="api", error="invalid_token"`

func refused(challenge ...string) granttest.Fault {
	return granttest.Fault{Status: 401, Header: http.Header{"Www-Authenticate": challenge}, Body: "no"}
}

func TestTransport_RenewsAndReplaysOnceAfter401(t *testing.T) {
	for name, c := range map[string]struct {
		fault  granttest.Fault
		renews bool
	}{
		"invalid_token":              {refused(unauthorized), true},
		"no challenge":               {refused(), true},
		"a challenge without a code": {refused(`Bearer realm="api"`), true},
		"among other schemes": {
			refused(`Basic realm="a", error="x"`, `Negotiate, Bearer error="invalid_token"`), true,
		},
		"expired_token":                    {refused(`Bearer error="expired_token"`), true},
		"invalid_request":                  {refused(`Bearer error="invalid_request"`), true},
		"a code of the API's own":          {refused(`Bearer error="request_unauthorized"`), true},
		"a code of another scheme":         {refused(`Basic error="insufficient_scope"`), true},
		"insufficient_scope":               {refused(`Bearer error="insufficient_scope", scope="admin"`), false},
		"insufficient_scope, another case": {refused(`bearer realm="a, b=\"c\"", ERROR=insufficient_scope`), false},
		"another sign-in wanted": {
			refused(`Bearer error="insufficient_user_authentication", max_age=5`), false,
		},
		"a nonce, but there is no proof": {refused(`DPoP error="use_dpop_nonce"`), false},
		"403":                            {granttest.Fault{Status: 403, Body: "no"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{})
				g := open(t, alice(), configFor(srv))
				old := tokenOf(t, g)
				pass(time.Minute)
				srv.Script(granttest.Resource, c.fault)
				status := call(t, g.Transport(srv.Transport()), get(t, api))
				want := []int{c.fault.Status, 1, 1}
				if c.renews {
					want = []int{200, 2, 2}
				}
				got := []int{status, srv.Count(granttest.Token), srv.Count(granttest.Resource)}
				if !slices.Equal(got, want) {
					t.Errorf("status, token requests and requests: %d, want %d", got, want)
				}
				if now := tokenOf(t, g); (now != old) != c.renews {
					t.Errorf("the token changed: %v", now != old)
				}
			})
		})
	}
}

func TestTransport_ReplaysOnlyABodyThatCanBeReadAgain(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*http.Request)
		want []string // bodies sent
	}{
		"with GetBody":    {func(*http.Request) {}, []string{"text", "text"}},
		"without GetBody": {func(r *http.Request) { r.GetBody = nil }, []string{"text"}},
		"with a GetBody that fails": {
			func(r *http.Request) { r.GetBody = func() (io.ReadCloser, error) { return nil, io.ErrClosedPipe } },
			[]string{"text"},
		},
		"without a body": {func(r *http.Request) { r.Body, r.GetBody = nil, nil }, []string{"", ""}},
		"with a body that is NoBody": {
			func(r *http.Request) { r.Body, r.GetBody = http.NoBody, nil }, []string{"", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{})
				g := open(t, alice(), configFor(srv))
				ensure(t, g)
				pass(time.Minute)
				srv.Script(granttest.Resource, refused(unauthorized))
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api, strings.NewReader("text"))
				if err != nil {
					t.Fatal(err)
				}
				c.edit(r)
				res, err := g.Transport(srv.Transport()).RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(res.Body)
				if err != nil || (res.StatusCode == 401) != (len(c.want) == 1) ||
					res.StatusCode == 401 && string(text) != "no" {
					t.Errorf("got %d %q %v", res.StatusCode, text, err)
				}
				_ = res.Body.Close()
				var sent []string
				for _, r := range srv.Requests(granttest.Resource) {
					sent = append(sent, r.Body)
				}
				if !slices.Equal(sent, c.want) {
					t.Errorf("sent %q", sent)
				}
				ensure(t, g)
				if n := srv.Count(granttest.Token); n != 2 {
					t.Errorf("%d token requests: the refused token is to be renewed in any case", n)
				}
			})
		})
	}
}

func TestTransport_BearsAnAPIThatAlwaysSays401(t *testing.T) {
	for name, c := range map[string]struct{ lifetime, apart time.Duration }{
		"a token of an hour is renewed every 10 s at most":        {time.Hour, 10 * time.Second},
		"one of 50 s is renewed every tenth of that at most":      {50 * time.Second, 5 * time.Second},
		"one of unknown lifetime is renewed every 10 s, as above": {-1, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{Lifetime: c.lifetime})
				srv.Break(granttest.Resource, refused(unauthorized))
				rt := open(t, oauth2grant.ClientCredentials{}, configFor(srv)).Transport(srv.Transport())
				const minute, step = time.Minute, 100 * time.Millisecond
				for range minute / step {
					atOnce(3, func(int) {
						if status := call(t, rt, get(t, api)); status != 401 {
							t.Errorf("got %d", status)
						}
					})
					time.Sleep(step)
				}
				n := srv.Count(granttest.Token)
				if most := int(minute/c.apart) + 1; n > most || n < most/2 {
					t.Errorf("%d token requests in a minute", n)
				}
			})
		})
	}
}

func TestTransport_RenewsOnceAfterAHundred401s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g := open(t, oauth2grant.ClientCredentials{}, configFor(srv))
		old := tokenOf(t, g)
		pass(time.Minute)
		srv.RevokeToken(old.AccessToken)
		srv.Break(granttest.Token, granttest.Fault{Delay: time.Second})
		// So that all are under way when the first is refused.
		srv.Break(granttest.Resource, granttest.Fault{Delay: time.Second})
		rt := g.Transport(srv.Transport())
		atOnce(100, func(int) {
			if status := call(t, rt, get(t, api)); status != 200 {
				t.Errorf("got %d", status)
			}
		})
		if got := []int{srv.Count(granttest.Token), srv.Count(granttest.Resource)}; !slices.Equal(got, []int{2, 200}) {
			t.Errorf("token requests and requests: %d", got)
		}
	})
}

func TestGrant_InvalidatesOnlyTheTokenHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g := open(t, alice(), configFor(srv))
		g.Invalidate("")
		old := tokenOf(t, g)
		g.Invalidate(old.AccessToken)
		if tokenOf(t, g) != old {
			t.Error("a token just obtained was given up")
		}
		pass(time.Minute)
		g.Invalidate("another")
		if tokenOf(t, g) != old || srv.Count(granttest.Token) != 1 {
			t.Error("another token was believed to be this one")
		}
		g.Invalidate(old.AccessToken)
		g.Invalidate(old.AccessToken)
		if s := g.Status(); s.Usable || s.State != oauth2grant.StateExpired {
			t.Errorf("got %+v", s)
		}
		if tokenOf(t, g) == old || srv.Count(granttest.Token) != 2 {
			t.Errorf("%d token requests", srv.Count(granttest.Token))
		}
	})
}
