// Package docs compiles the Go blocks of README.md and docs/, and runs those
// that print. It has tests only. The go command does not see the pages change,
// since they are outside of this module: use go test -count=1.
package docs
