module github.com/oauth2grant/go-oauth2grant/contrib/keyringstore

go 1.26.0

require (
	github.com/godbus/dbus/v5 v5.2.2
	github.com/oauth2grant/go-oauth2grant v0.1.0
	github.com/zalando/go-keyring v0.2.8
	go.uber.org/goleak v1.3.0
)

require (
	github.com/cenkalti/backoff/v4 v4.3.0 // indirect
	github.com/cli/browser v1.3.0 // indirect
	github.com/danieljoos/wincred v1.2.3 // indirect
	github.com/gofrs/flock v0.13.1 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)

replace github.com/oauth2grant/go-oauth2grant => ../..
