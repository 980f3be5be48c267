package docs

// These packages are named by the pages; the imports keep them in go.mod.
import (
	_ "golang.org/x/oauth2"
	_ "google.golang.org/grpc"

	_ "github.com/oauth2grant/go-oauth2grant/contrib/grpccreds"
	_ "github.com/oauth2grant/go-oauth2grant/contrib/oauth2source"
	_ "github.com/oauth2grant/go-oauth2grant/contrib/otelgrant"
	_ "github.com/oauth2grant/go-oauth2grant/contrib/redisstore"
	_ "github.com/oauth2grant/go-oauth2grant/contrib/terminalprompt"
	_ "github.com/oauth2grant/go-oauth2grant/oauth2grant/clientassertion"
	_ "github.com/oauth2grant/go-oauth2grant/oauth2grant/dpop"
)
