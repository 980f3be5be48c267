package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
)

type environment struct {
	issuer, id, secret, api string
	scopes                  []string
}

// readEnvironment returns what the environment says, or a server of our own.
// end stops that.
func readEnvironment(getenv func(string) string) (env environment, end func(), err error) {
	if getenv("OAUTH_ISSUER") == "" {
		server, err := authserver.Start(authserver.Config{AccessTokenLifetime: 10 * time.Second})
		if err != nil {
			return environment{}, nil, err
		}
		return environment{
			issuer: server.Issuer(), id: "worker", secret: "worker-secret",
			api: server.Issuer() + "/api/orders", scopes: []string{"read"},
		}, func() { _ = server.Close() }, nil
	}
	var missing []error
	need := func(name string) string {
		value := getenv(name)
		if value == "" {
			missing = append(missing, fmt.Errorf("%s is not set, but OAUTH_ISSUER is", name))
		}
		return value
	}
	env = environment{
		issuer: need("OAUTH_ISSUER"), id: need("OAUTH_CLIENT_ID"), secret: need("OAUTH_CLIENT_SECRET"),
		api: need("API_URL"), scopes: strings.Fields(getenv("OAUTH_SCOPE")),
	}
	return env, func() {}, errors.Join(missing...)
}
