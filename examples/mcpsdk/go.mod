module github.com/oauth2grant/go-oauth2grant/examples/mcpsdk

go 1.26.0

replace github.com/oauth2grant/go-oauth2grant => ../..

replace github.com/oauth2grant/go-oauth2grant/contrib/apiauth => ../../contrib/apiauth

require (
	github.com/modelcontextprotocol/go-sdk v1.8.0
	github.com/oauth2grant/go-oauth2grant v0.1.0
	github.com/oauth2grant/go-oauth2grant/contrib/apiauth v0.1.0
	go.uber.org/goleak v1.3.0
	golang.org/x/oauth2 v0.35.0
)

require (
	github.com/cenkalti/backoff/v4 v4.3.0 // indirect
	github.com/cli/browser v1.3.0 // indirect
	github.com/go-jose/go-jose/v4 v4.1.9 // indirect
	github.com/gofrs/flock v0.13.1 // indirect
	github.com/google/jsonschema-go v0.4.3 // indirect
	github.com/segmentio/asm v1.1.3 // indirect
	github.com/segmentio/encoding v0.5.4 // indirect
	github.com/yosida95/uritemplate/v3 v3.0.2 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/time v0.15.0 // indirect
)
