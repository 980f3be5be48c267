package otelgrant_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

const (
	duration  = "oauth2.client.acquisition.duration"
	waiters   = "oauth2.client.acquisition.waiters"
	remaining = "oauth2.client.renewal.remaining"
)

func TestObserve_AStampedeIsOneSpanWithItsWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g, sdk := observe(t, srv, oauth2grant.ClientCredentials{}, nil)
		srv.Script(granttest.Token, granttest.Fault{Delay: 2 * time.Second})
		const callers = 1000
		ctx, caller := sdk.tracer.Tracer("test").Start(t.Context(), "caller")
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				if _, err := g.Token(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		synctest.Wait() // until the event was told
		if n := srv.Count(granttest.Token); n != 1 {
			t.Fatalf("%d token requests", n)
		}
		obtained := []string{"oauth2.outcome=obtained", "oauth2.operation=client_credentials"}
		if n, sum := histogram[float64](sdk, duration, "s", obtained...); n != 1 || sum != 2 {
			t.Errorf("%d acquisitions took %v s", n, sum)
		}
		if n, sum := histogram[int64](sdk, waiters, "{caller}", obtained...); n != 1 || sum != callers {
			t.Errorf("%d acquisitions were waited for by %d", n, sum)
		}
		if n, _ := histogram[float64](sdk, remaining, "s"); n != 0 {
			t.Errorf("the first token replaced %d", n)
		}
		spans := sdk.spans.Ended()
		if len(spans) != 1 {
			t.Fatalf("%d spans", len(spans))
		}
		s := spans[0]
		if s.Name() != "oauth2 client_credentials" || s.EndTime().Sub(s.StartTime()) != 2*time.Second ||
			s.Parent().SpanID() != caller.SpanContext().SpanID() || s.Status().Code != codes.Unset {
			t.Errorf("%s %v %v %v", s.Name(), s.EndTime().Sub(s.StartTime()), s.Parent(), s.Status())
		}
		if !slices.Contains(s.Attributes(), attribute.Int("oauth2.waiters", callers)) {
			t.Errorf("%v", s.Attributes())
		}
	})
}

func TestObserve_ARenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{Lifetime: time.Hour})
		g, sdk := observe(t, srv, alice(), nil)
		first, err := g.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if left, ok := gauge[float64](sdk, "oauth2.client.token.expiry", "s"); !ok || left < 3599 || left > 3600 {
			t.Errorf("the token ends in %v s", left)
		}
		left := time.Until(first.Expiry) - time.Until(g.Status().NextRefresh)
		time.Sleep(time.Until(g.Status().NextRefresh) + time.Second)
		synctest.Wait()
		renewed := []string{"oauth2.outcome=obtained", "oauth2.operation=refresh_token"}
		if n, _ := histogram[float64](sdk, duration, "s", renewed...); n != 1 {
			t.Errorf("%d renewals", n)
		}
		if n, sum := histogram[int64](sdk, waiters, "{caller}", renewed...); n != 1 || sum != 0 {
			t.Errorf("%d renewals were waited for by %d", n, sum)
		}
		n, sum := histogram[float64](sdk, remaining, "s")
		if n != 1 || sum < left.Seconds()-1 || sum > left.Seconds()+1 {
			t.Errorf("%d renewals with %v s left, want %v", n, sum, left)
		}
		if spans := sdk.spans.Ended(); len(spans) != 2 || spans[1].Name() != "oauth2 refresh_token" {
			t.Errorf("spans: %v", names(spans))
		}
	})
}

func names(spans []trace.ReadOnlySpan) (all []string) {
	for _, s := range spans {
		all = append(all, s.Name())
	}
	return all
}

func TestObserve_Failures(t *testing.T) {
	for kind, fault := range map[string]granttest.Fault{
		"503":            {Status: 503},
		"invalid_client": granttest.Error(401, "invalid_client", "no-such-thing"),
		"400":            granttest.Error(400, "a_word_of_its_own", ""),
		"_OTHER":         {Cut: granttest.CutBefore},
	} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{})
				srv.Break(granttest.Token, fault)
				g, sdk := observe(t, srv, oauth2grant.ClientCredentials{}, nil)
				if _, err := g.Token(t.Context()); err == nil {
					t.Fatal("no error")
				}
				synctest.Wait()
				if n, _ := histogram[float64](sdk, duration, "s", "oauth2.outcome=failed", "error.type="+kind); n != 1 {
					t.Errorf("%v", sdk.collect()[duration])
				}
				if n, ok := gauge[int64](sdk, "oauth2.client.failures", "{failure}"); !ok || n != 1 {
					t.Errorf("%d failures", n)
				}
				if n, ok := gauge[int64](sdk, "oauth2.client.token.usable", "{token}"); !ok || n != 0 {
					t.Errorf("%d usable tokens", n)
				}
				if left, ok := gauge[float64](sdk, "oauth2.client.token.expiry", "s"); ok {
					t.Errorf("no token, but it ends in %v s", left)
				}
				s := sdk.spans.Ended()[0]
				if s.Status().Code != codes.Error || s.Status().Description != kind {
					t.Errorf("%v", s.Status())
				}
				if !slices.Contains(s.Attributes(), attribute.String("server.address", "auth.granttest.example")) {
					t.Errorf("%v", s.Attributes())
				}
			})
		})
	}
}

func TestObserve_AdoptedSetAndDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		store := &shared{}
		access, refresh, lives := srv.Issue("client", "alice")
		store.token = oauth2grant.Token{AccessToken: access, RefreshToken: refresh, Expiry: time.Now().Add(lives)}
		g, sdk := observe(t, srv, oauth2grant.RefreshOnly{}, func(cfg *oauth2grant.Config) { cfg.Store = store })
		token, err := g.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n, _ := histogram[float64](sdk, duration, "s", "oauth2.outcome=adopted"); n != 1 {
			t.Errorf("%d tokens adopted", n)
		}
		if err := g.SetToken(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		if err := g.Revoke(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, kind := range []string{"set", "dropped"} {
			if n := sdk.events(kind); n != 1 {
				t.Errorf("%d events %q", n, kind)
			}
		}
		if n, _ := histogram[float64](sdk, duration, "s"); n != 1 {
			t.Errorf("%d acquisitions, of which one is no acquisition", n)
		}
	})
}

func TestObserve_NothingAfterStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g, sdk := observe(t, srv, oauth2grant.ClientCredentials{}, nil)
		sdk.stop()
		sdk.stop()
		if _, err := g.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if m := sdk.collect(); len(m) != 0 || len(sdk.spans.Ended()) != 0 {
			t.Errorf("recorded %v and %d spans", m, len(sdk.spans.Ended()))
		}
	})
}

func TestObserve_NoSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g, sdk := observe(t, srv, alice(), nil)
		token, err := g.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		srv.Break(granttest.Token, granttest.Error(400, "invalid_grant", "the token "+token.RefreshToken))
		_, _ = g.RefreshToken(t.Context())
		synctest.Wait()
		said := fmt.Sprintf("%+v", sdk.collect())
		for _, s := range sdk.spans.Ended() {
			said += fmt.Sprintf("%s %+v %+v %+v", s.Name(), s.Attributes(), s.Status(), s.Events())
		}
		if !strings.Contains(said, "invalid_grant") {
			t.Fatalf("the failure is not in %s", said)
		}
		for _, secret := range []string{token.AccessToken, token.RefreshToken, "wonderland", "secret"} {
			if strings.Contains(said, secret) {
				t.Errorf("%q is in %s", secret, said)
			}
		}
	})
}

// The rules in the documentation name metrics as the Prometheus exporter does.
func TestDoc_AlertsNameMetricsThatThereAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g, sdk := observe(t, srv, oauth2grant.ClientCredentials{}, nil)
		if _, err := g.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		exported := map[string]bool{"oauth2_grant_name": true}
		for name, m := range sdk.collect() {
			name = strings.ReplaceAll(name, ".", "_")
			if m.Unit == "s" {
				name += "_seconds"
			}
			exported[name] = true
		}
		doc, err := os.ReadFile("doc.go")
		if err != nil {
			t.Fatal(err)
		}
		used := regexp.MustCompile(`oauth2_\w+`).FindAllString(string(doc), -1)
		if len(used) < 6 {
			t.Fatalf("only %v", used)
		}
		for _, name := range used {
			if !exported[name] {
				t.Errorf("%s is none of %v", name, exported)
			}
		}
	})
}
