package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
)

type environment struct {
	issuer, id, api, file string
	scopes                []string
}

// readEnvironment returns what the environment says, or a server of our own.
// end stops that, and removes the file if its place was ours to choose.
func readEnvironment(out io.Writer, getenv func(string) string) (env environment, end func(), err error) {
	env = environment{
		issuer: getenv("OAUTH_ISSUER"), id: getenv("OAUTH_CLIENT_ID"), api: getenv("API_URL"),
		file: getenv("TOKEN_FILE"), scopes: strings.Fields(getenv("OAUTH_SCOPE")),
	}
	if env.issuer != "" && (env.id == "" || env.api == "" || len(env.scopes) == 0) {
		return env, nil, errors.New("with OAUTH_ISSUER, all of OAUTH_CLIENT_ID, OAUTH_SCOPE and API_URL must be set")
	}
	var ends []func()
	end = func() {
		for _, f := range ends {
			f()
		}
	}
	if env.file == "" {
		dir, err := os.MkdirTemp("", "login-")
		if err != nil {
			return env, nil, err
		}
		env.file = filepath.Join(dir, "token.json")
		ends = append(ends, func() { _ = os.RemoveAll(dir) })
	}
	if env.issuer == "" {
		server, err := authserver.Start(authserver.Config{})
		if err != nil {
			end()
			return env, nil, err
		}
		ends = append(ends, func() { _ = server.Close() })
		env.issuer, env.id, env.api = server.Issuer(), "native", server.Issuer()+"/api/orders"
		env.scopes = []string{"openid", "offline_access", "read"}
		fmt.Fprintln(out, "at this authorization server you are alice, and your password is wonderland")
	}
	return env, end, nil
}
