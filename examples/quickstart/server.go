package main

import (
	"fmt"
	"io"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
)

const (
	tokenLifetime = 3 * time.Second        // the server announces the whole seconds left: two
	tokenDelay    = 250 * time.Millisecond // the token endpoint is slow, so that a call which waits for it shows
)

// startServer starts the authorization server and the API of this program.
func startServer(w io.Writer) (*authserver.Server, error) {
	server, err := authserver.Start(authserver.Config{AccessTokenLifetime: tokenLifetime, TokenDelay: tokenDelay})
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(w, "authorization server and API at %s\ntokens live %v at most, the token endpoint takes %v\n\n",
		server.Issuer(), tokenLifetime, tokenDelay)
	return server, nil
}
