package e2e

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// rotating is a server that gives a new refresh token at each use. An old one that comes back ends the sign-in, unless that is within the server's grace.
type rotating struct {
	*authServer
	refusals func() int // of token requests
}

type rotatingKind struct {
	name  string
	start func(t *testing.T, announced time.Duration) rotating // announced: the lifetime of access tokens that clients are told
}

var (
	rotatingKinds = []rotatingKind{{oidcProvider, rotatingOIDCProvider}, {fosite, rotatingFosite}}
	withGrace     = rotatingKind{"granttest with a grace window", gracious}
)
