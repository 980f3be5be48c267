// Package filestore is an [oauth2grant.Store] in one file: durable, atomic,
// private to one user, and shared by the processes of that user.
//
// # The file
//
// A token is written to a temporary file beside it (mode 0600), synced, and
// renamed over the old one; then the folder is synced. A process that is killed
// at any moment leaves the old token or the new one. The next Save or Delete
// removes the temporary file that it may leave besides. A folder that does not
// exist is made with mode 0700.
//
// Every method refuses, with [ErrInsecure], a folder that others may write to
// or that is not ours (root may own it), and a symbolic link in place of the
// file. Load also refuses a file that others may read, anything that is no
// regular file, and a file of another user; a Save replaces those. Load reads a
// bare token in JSON as well, of this library or of golang.org/x/oauth2.
//
// A file that is mounted alone into a container cannot be replaced. Open
// refuses it: mount the folder that it is in.
//
// After Delete, [Store.Load] returns [oauth2grant.ErrSignedOut] until the next
// Save; after somebody has removed the file by other means, it returns
// [oauth2grant.ErrNoToken].
//
// # The locks
//
// Lock locks the file <path>.lock, which is never removed: advisory, between
// processes by flock(2) or LockFileEx and freed by the system when its holder
// dies; within this process by a queue that all Stores of one path share. The
// system offers no wait that a context could end, so a process that waits for
// another one tries 20 times a second: a renewal takes longer than that, and a
// sign-in of minutes costs next to nothing. The lock is never lost while its
// holder lives, and held ends with its context only.
//
// Two things can take it away unnoticed: somebody removes <path>.lock, or a
// network file system forgets its locks. A version number in the file, which
// each change increments and which outlives Delete in <path>.lock, still finds
// both: a Save or Delete with that held fails with [oauth2grant.ErrLockLost],
// and what is newer stays. Without a held context Save and Delete work too, and
// the last one wins; only a token with a mark is refused
// ([oauth2grant.AnswerSaver]).
//
// Each change holds <path>.write.lock for as long as it takes to write, so that
// it is one step for all processes.
//
// A Store that keeps its token elsewhere on the machine can have the same lock:
// see [LockFile].
//
// # News
//
// Store is an [oauth2grant.Notifier]. While somebody subscribes, one goroutine
// per folder looks once a second at the name, size and time of each file that
// is subscribed to, and reads those that have changed. Nobody is told of a
// token that was saved with a mark.
//
// # Sealed tokens
//
// With [Config.Keys] the token is encrypted, see package seal. It is bound to
// [Config.Label], else to the path.
//
// # Platforms
//
// The checks of modes and owners are those of Unix systems, macOS included. On
// Windows there are no mode bits: the file is as private as the access list of
// the folder it inherits from, that of the profile by default, and folders
// can't be synced. A rename replaces a file that this package has open, but
// fails while another program has it open without sharing; the old token then
// stays and Save says so. On systems without file locks every call but Load
// fails.
package filestore
