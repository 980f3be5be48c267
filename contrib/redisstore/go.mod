module github.com/oauth2grant/go-oauth2grant/contrib/redisstore

go 1.26.0

require (
	github.com/oauth2grant/go-oauth2grant v0.1.0
	go.uber.org/goleak v1.3.0
)

require (
	github.com/cli/browser v1.3.0 // indirect
	github.com/go-jose/go-jose/v4 v4.1.9 // indirect
	golang.org/x/sync v0.24.0 // indirect
)

require (
	github.com/cenkalti/backoff/v4 v4.3.0 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/redis/go-redis/v9 v9.23.0
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
)

replace github.com/oauth2grant/go-oauth2grant => ../..
