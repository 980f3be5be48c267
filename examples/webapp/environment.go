package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
)

type environment struct {
	issuer, id, secret, api string
	scopes                  []string
	self, listen            string
}

// readEnvironment returns what the environment says, or a server of our own.
// end stops that.
func readEnvironment(out io.Writer, getenv func(string) string) (env environment, end func(), err error) {
	env.listen = "127.0.0.1:0"
	if getenv("OAUTH_ISSUER") == "" {
		server, err := authserver.Start(authserver.Config{})
		if err != nil {
			return env, nil, err
		}
		env.issuer, env.id, env.secret = server.Issuer(), "web", "web-secret"
		env.api, env.scopes = server.Issuer()+"/api/orders", []string{"openid", "offline_access", "read"}
		fmt.Fprintln(out, "at this authorization server you are alice, and your password is wonderland")
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
	env.issuer, env.id, env.secret = getenv("OAUTH_ISSUER"), need("OAUTH_CLIENT_ID"), need("OAUTH_CLIENT_SECRET")
	env.api, env.scopes = need("API_URL"), strings.Fields(need("OAUTH_SCOPE"))
	env.self = strings.TrimSuffix(getenv("APP_URL"), "/")
	if address := getenv("LISTEN"); address != "" {
		env.listen = address
	}
	return env, func() {}, errors.Join(missing...)
}
