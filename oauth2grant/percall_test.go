package oauth2grant_test

import (
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestRefreshTokenWith_SendsItsParametersAndJoinsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		cfg := configFor(srv)
		cfg.Params = url.Values{"audience": {"everybody's"}, "kept": {"yes"}}
		g := open(t, alice(), cfg)
		ensure(t, g)
		srv.Reset()
		srv.Script(granttest.Token, granttest.Fault{DelayAnswer: time.Second})
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := g.RefreshToken(t.Context()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		if _, err := g.RefreshTokenWith(t.Context(), url.Values{"audience": {"mine"}}); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		requests := srv.Requests(granttest.Token)
		if len(requests) != 2 {
			t.Fatalf("%d requests, want one for each call", len(requests))
		}
		for i, want := range []string{"everybody's", "mine"} {
			if got := requests[i].Form; got.Get("audience") != want || got.Get("kept") != "yes" {
				t.Errorf("request %d sent the audience %q", i, got.Get("audience"))
			}
		}
	})
}

func TestFetchTokenWith_RefusesAScope(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	g := open(t, alice(), configFor(srv))
	_, err := g.FetchTokenWith(t.Context(), url.Values{"scope": {"more"}})
	if err == nil || srv.Count(granttest.Token) != 0 {
		t.Errorf("got %v after %d requests", err, srv.Count(granttest.Token))
	}
	if _, err := g.FetchTokenWith(t.Context(), url.Values{"claims": {"{}"}}); err != nil {
		t.Fatal(err)
	}
	if got := last(t, srv, granttest.Token).Form.Get("claims"); got != "{}" {
		t.Errorf("sent %q", got)
	}
}

func TestFetchTokenWith_OfAZeroGrantIsAnError(t *testing.T) {
	var g oauth2grant.Grant
	if _, err := g.FetchTokenWith(t.Context(), nil); err == nil {
		t.Error("no error")
	}
}
