package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
)

type environment struct {
	issuer, id, api string
	scopes          []string
}

// readEnvironment returns what the environment says, or a server of our own.
// end stops that.
func readEnvironment(out io.Writer, getenv func(string) string) (env environment, end func(), err error) {
	env = environment{
		issuer: getenv("OAUTH_ISSUER"), id: getenv("OAUTH_CLIENT_ID"), api: getenv("API_URL"),
		scopes: strings.Fields(getenv("OAUTH_SCOPE")),
	}
	if env.issuer != "" {
		if env.id == "" || env.api == "" {
			return env, nil, errors.New("with OAUTH_ISSUER, OAUTH_CLIENT_ID and API_URL must be set")
		}
		return env, func() {}, nil
	}
	server, err := authserver.Start(authserver.Config{DeviceInterval: time.Second})
	if err != nil {
		return env, nil, err
	}
	fmt.Fprintln(out, "at this authorization server you are alice, and your password is wonderland")
	return environment{
		server.Issuer(), "native", server.Issuer() + "/api/orders", []string{"offline_access", "read"},
	}, func() { _ = server.Close() }, nil
}
