package oauth2grant_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// probe asks a readiness handler, with the patience of a kubelet.
func probe(t *testing.T, h http.Handler) (status int, states []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/readyz", nil))
	var answer struct {
		Ready  bool
		Grants []struct {
			Name   string
			Status struct{ State string }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if answer.Ready != (w.Code == http.StatusOK) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, g := range answer.Grants {
		states = append(states, g.Name+" "+g.Status.State)
	}
	return w.Code, states
}

func TestReadyHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		srv.Break(granttest.Token, granttest.Fault{Hang: true})
		h := oauth2grant.ReadyHandler(open(t, oauth2grant.ClientCredentials{}, configFor(srv)))
		begin := time.Now()
		if status, states := probe(t, h); status != 503 || states[0] != "client empty" {
			t.Errorf("while the server hangs: %d %v", status, states)
		}
		if waited := time.Since(begin); waited > time.Second {
			t.Errorf("the probe waited %v", waited)
		}

		srv.Heal(granttest.Token)
		srv.Break(granttest.Token, granttest.Fault{Status: 503})
		time.Sleep(time.Minute)
		srv.Reset()
		for range 100 {
			if status, _ := probe(t, h); status != 503 {
				t.Errorf("while the server is down: %d", status)
			}
		}
		if n := srv.Count(granttest.Token); n > 1 {
			t.Errorf("100 probes made %d token requests", n)
		}

		srv.Heal(granttest.Token)
		time.Sleep(10 * time.Minute)
		if status, states := probe(t, h); status != 200 || states[0] != "client fresh" {
			t.Errorf("when it is back: %d %v", status, states)
		}
	})
}

func TestReadyHandler_AsksNoPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		prompted := false
		flow := oauth2grant.DeviceCode{
			Prompt: func(context.Context, oauth2grant.DevicePrompt) error { prompted = true; return nil },
		}
		h := oauth2grant.ReadyHandler(open(t, flow, configFor(srv)), new(oauth2grant.Grant))
		if status, states := probe(t, h); status != 503 || states[0] != "client empty" || states[1] != " closed" {
			t.Errorf("%d %v", status, states)
		}
		if prompted || len(srv.Requests()) != 0 {
			t.Error("a probe began a sign-in")
		}
	})
	if status, _ := probe(t, oauth2grant.ReadyHandler()); status != 200 {
		t.Errorf("without a grant: %d", status)
	}
}
