package e2e

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/e2e/internal/servers"
	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// rotating is a server that issues a new refresh token at each use. An old one
// that comes back ends the sign-in, unless that is within the server's grace.
type rotating struct {
	*authServer
	refusals func() int // of token requests
}

type rotatingKind struct {
	name string
	// Announced: the lifetime of access tokens that clients are told.
	start func(t *testing.T, announced time.Duration) rotating
}

var (
	rotatingKinds = []rotatingKind{{oidcProvider, rotatingOIDCProvider}, {fosite, rotatingFosite}}
	withGrace     = rotatingKind{"granttest with a grace window", gracious}
)

func rotatingOIDCProvider(t *testing.T, announced time.Duration) rotating {
	t.Helper()
	p := servers.StartOIDCProvider(t, servers.Options{AccessTokenLifetime: announced})
	return rotating{
		&authServer{oidcProvider, p.Issuer(), func() int { return p.Stats(t).TokenRequests }},
		func() int { return p.Stats(t).Refusals },
	}
}

func rotatingFosite(t *testing.T, announced time.Duration) rotating {
	t.Helper()
	// It announces the whole seconds left.
	f := servers.StartFosite(t, authserver.Config{AccessTokenLifetime: announced + time.Second})
	return rotating{&authServer{fosite, f.Issuer(), func() int { return f.Count("/token") }}, f.Refusals}
}

// gracious is a server that answers a refresh token that comes back within a
// minute, as if its first answer had been lost.
func gracious(t *testing.T, announced time.Duration) rotating {
	t.Helper()
	g := granttest.New(granttest.Config{
		Clients: []granttest.Client{{ID: "web", Secret: "web-secret"}}, Lifetime: announced, Grace: time.Minute,
	})
	socket := httptest.NewServer(g)
	t.Cleanup(socket.Close)
	g.SetIssuer(socket.URL)
	return granted(g, socket.URL)
}

// granted is a granttest server behind a socket.
func granted(g *granttest.Server, issuer string) rotating {
	return rotating{
		&authServer{"granttest", issuer, func() int { return g.Count(granttest.Token) }},
		func() (refused int) {
			for _, r := range g.Requests(granttest.Token) {
				if r.Code != "" {
					refused++
				}
			}
			return refused
		},
	}
}

// signIn is a sign-in of alice's done elsewhere, by who does not keep the
// token.
func (s rotating) signIn(t *testing.T) oauth2grant.Token {
	t.Helper()
	c, err := oauth2grant.NewClient(s.config(web, offline...))
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	token, err := alice.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// combination is a server and a store. They know nothing of each other: every
// server comes with the first store, every store with the first server.
type combination struct {
	rotatingKind
	store storeUnderTest
}

func combinations(kinds ...rotatingKind) (all []combination) {
	for i, k := range kinds {
		for j, store := range stores {
			if i == 0 || j == 0 || k.name == withGrace.name {
				all = append(all, combination{k, store})
			}
		}
	}
	return all
}

func (c combination) String() string { return c.name + " and " + c.store.name }

// onEachRotating runs the test on every server that ends a sign-in when a
// refresh token comes back, and with every store.
func onEachRotating(t *testing.T, announced time.Duration, test func(t *testing.T, s rotating, c common)) {
	t.Helper()
	for _, c := range combinations(rotatingKinds...) {
		t.Run(c.String(), func(t *testing.T) { test(t, c.start(t, announced), c.store.at(t)) })
	}
}
