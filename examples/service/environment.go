package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
)

// environment is what the service is told:
//
//	ADDR                 where to listen; 127.0.0.1:8080 if it is not set
//	OAUTH_ISSUER         https://login.example.com
//	OAUTH_CLIENT_ID      orders-service
//	OAUTH_CLIENT_SECRET  its secret
//	OAUTH_SCOPE          orders.read; may be left out
//	API_URL              https://api.example.com/orders
type environment struct {
	addr, issuer, id, secret, api string
	scopes                        []string

	notice   time.Duration // between the signal and the end of new requests
	patience time.Duration // for requests under way
}

// readEnvironment returns what the environment says or, without OAUTH_ISSUER, a
// server of our own, which end stops.
func readEnvironment(getenv func(string) string) (env environment, end func(), err error) {
	env = environment{
		addr: cmp.Or(getenv("ADDR"), "127.0.0.1:8080"), notice: 3 * time.Second, patience: 20 * time.Second,
	}
	if getenv("OAUTH_ISSUER") == "" {
		server, err := authserver.Start(authserver.Config{AccessTokenLifetime: time.Minute})
		if err != nil {
			return environment{}, nil, err
		}
		env.issuer, env.id, env.secret = server.Issuer(), "worker", "worker-secret"
		env.api, env.scopes = server.Issuer()+"/api/orders", []string{"read"}
		return env, func() { _ = server.Close() }, nil
	}
	var missing []error
	need := func(name string) string {
		value := getenv(name)
		if value == "" {
			missing = append(missing, fmt.Errorf("%s is not set, but OAUTH_ISSUER is", name))
		}
		return value
	}
	env.issuer, env.id, env.secret = need("OAUTH_ISSUER"), need("OAUTH_CLIENT_ID"), need("OAUTH_CLIENT_SECRET")
	env.api, env.scopes = need("API_URL"), strings.Fields(getenv("OAUTH_SCOPE"))
	return env, func() {}, errors.Join(missing...)
}
