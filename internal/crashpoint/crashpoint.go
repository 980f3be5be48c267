// Package crashpoint lets a test stop or kill a process at a named point in the
// middle of a durable write.
package crashpoint

// At is called at each point with its name: "filestore.locked",
// "filestore.temp-written" (before the rename), "filestore.renamed" (before the
// folder is synced) and "filestore.saved". It does nothing. A test sets it
// before it opens a store, and never while one is in use.
var At = func(point string) {}
