// Package docs holds the pages in docs/ to what the code says. It has tests
// only; that the Go blocks in the pages compile is tested in the module of the
// examples, which knows every package that they use.
package docs
