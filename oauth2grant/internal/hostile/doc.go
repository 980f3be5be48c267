// Package hostile is a test: a grant against an authorization server and an API
// that do everything a server must not do. It has no code of its own.
package hostile
