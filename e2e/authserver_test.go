package e2e

import (
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/e2e/internal/servers"
	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
)

// kind is an authorization server that can be started.
type kind struct {
	name  string
	start func(t *testing.T, s settings) *authServer
}

const (
	oidcProvider = "oidc-provider"
	fosite       = "Fosite"
)

var kinds = []kind{{oidcProvider, startOIDCProvider}, {fosite, startFosite}}

// settings are those that every kind has; zero: the kind's own default.
type settings struct {
	lifetime time.Duration // of access tokens
	delay    time.Duration // of the token endpoint
	interval time.Duration // between two polls of a device, where the kind of server has one
}

// authServer is one that runs, on loopback and for one test.
type authServer struct {
	kind          string // oidcProvider or fosite
	issuer        string
	tokenRequests func() int // answered so far
}

func startOIDCProvider(t *testing.T, s settings) *authServer {
	t.Helper()
	p := servers.StartOIDCProvider(t, servers.Options{
		AccessTokenLifetime: s.lifetime,
		TokenDelay:          s.delay,
	})
	return &authServer{oidcProvider, p.Issuer(), func() int { return p.Stats(t).TokenRequests }}
}

func startFosite(t *testing.T, s settings) *authServer {
	t.Helper()
	f := servers.StartFosite(t, authserver.Config{
		AccessTokenLifetime: s.lifetime, TokenDelay: s.delay, DeviceInterval: s.interval,
	})
	return &authServer{fosite, f.Issuer(), func() int { return f.Count("/token") }}
}

// onEach runs the test on every kind of server.
func onEach(t *testing.T, s settings, test func(t *testing.T, s *authServer)) {
	t.Helper()
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) { test(t, k.start(t, s)) })
	}
}

// onEachAtOnce does so in parallel with other tests.
func onEachAtOnce(t *testing.T, s settings, test func(t *testing.T, s *authServer)) {
	t.Helper()
	t.Parallel()
	onEach(t, s, func(t *testing.T, s *authServer) {
		t.Parallel()
		test(t, s)
	})
}
