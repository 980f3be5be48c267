module github.com/oauth2grant/go-oauth2grant

go 1.26.0

require (
	github.com/cenkalti/backoff/v4 v4.3.0
	github.com/cli/browser v1.3.0
	github.com/go-jose/go-jose/v4 v4.1.9
	github.com/gofrs/flock v0.13.1
	go.uber.org/goleak v1.3.0
	golang.org/x/sync v0.24.0
)

require golang.org/x/sys v0.47.0 // indirect
