package oauth2grant_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// perRPCCredentials is the interface of google.golang.org/grpc/credentials.
type perRPCCredentials interface {
	GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error)
	RequireTransportSecurity() bool
}

var _ perRPCCredentials = oauth2grant.RPCCredentials{}

const service = "https://api.example/things.v1.Things"

func TestGrant_AccessToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g := open(t, alice(), configFor(srv))
		access, err := g.AccessToken(t.Context())
		if err != nil || access == "" || access != tokenOf(t, g).AccessToken {
			t.Errorf("got %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if cancel(); srv.Count(granttest.Token) != 1 {
			t.Errorf("%d token requests", srv.Count(granttest.Token))
		}
		if _, err := g.AccessToken(ctx); err != nil {
			t.Errorf("with a token at hand: %v", err)
		}
		_ = g.Close()
		_, err = g.AccessToken(t.Context())
		wantIs(t, err, oauth2grant.ErrClosed)
	})
}

func TestRPCCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g := open(t, alice(), configFor(srv))
		creds := g.PerRPCCredentials()
		if !creds.RequireTransportSecurity() {
			t.Error("it would go over plaintext")
		}
		first, err := creds.GetRequestMetadata(t.Context(), service)
		want := map[string]string{"authorization": "Bearer " + tokenOf(t, g).AccessToken}
		if err != nil || !maps.Equal(first, want) {
			t.Errorf("got %v", err)
		}
		pass(time.Minute)
		if _, err := g.RefreshToken(t.Context()); err != nil {
			t.Fatal(err)
		}
		if second, err := creds.GetRequestMetadata(t.Context()); err != nil || maps.Equal(first, second) {
			t.Errorf("the old token after a renewal, or %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		srv.Script(granttest.Token, granttest.Fault{Delay: time.Hour})
		fresh := open(t, alice(), configFor(srv))
		_, err = fresh.PerRPCCredentials().GetRequestMetadata(ctx, service)
		wantIs(t, err, context.DeadlineExceeded)
	})
}

func TestRPCCredentials_KeepToOrigins(t *testing.T) {
	cfg := configFor(granttest.New(granttest.Config{}))
	cfg.Origins = []string{"https://api.example"}
	creds := open(t, alice(), cfg).PerRPCCredentials()
	for uri, ok := range map[string]bool{
		service: true, "https://api.example:443/x": true, "https://api.example:8443/x": false,
		"https://evil.example/x": false, "http://api.example/x": false, "\x7f": false, "": false,
	} {
		if m, err := creds.GetRequestMetadata(t.Context(), uri); (err == nil) != ok || (m == nil) == ok {
			t.Errorf("%q: %v", uri, err)
		}
	}
	if _, err := creds.GetRequestMetadata(t.Context()); err == nil {
		t.Error("it goes where nobody knows")
	}
}

func TestRPCCredentials_OverPlaintextOnlyOnWish(t *testing.T) {
	cfg := configFor(granttest.New(granttest.Config{}))
	cfg.InsecureAllowHTTP = true
	if open(t, alice(), cfg).PerRPCCredentials().RequireTransportSecurity() {
		t.Error("InsecureAllowHTTP makes no difference")
	}
	var none oauth2grant.RPCCredentials
	if !none.RequireTransportSecurity() {
		t.Error("the zero value would go over plaintext")
	}
	if _, err := none.GetRequestMetadata(t.Context()); err == nil {
		t.Error("the zero value has a token")
	}
}

func TestGrant_NamesAuthorizeWhereAProofIsNeeded(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	g := open(t, alice(), proving(srv, &prover{}))
	_, access := g.AccessToken(t.Context())
	_, metadata := g.PerRPCCredentials().GetRequestMetadata(t.Context(), service)
	for name, err := range map[string]error{"AccessToken": access, "GetRequestMetadata": metadata} {
		if err == nil || !strings.Contains(err.Error(), "Authorize") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(asked(srv)); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestRPCCredentials_ShowNoSecret(t *testing.T) {
	cfg := configFor(granttest.New(granttest.Config{}))
	cfg.Name = "payments"
	creds := open(t, alice(), cfg).PerRPCCredentials()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if got := fmt.Sprintf(verb, creds); got != `RPCCredentials{Grant{"payments", empty}}` {
			t.Errorf("%s shows %s", verb, got)
		}
	}
}
