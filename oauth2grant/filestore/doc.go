// Package filestore is an oauth2grant.Store in one file: durable, atomic, private to one user, and shared by the processes of that user.
//
// # The file
//
// A token is written to a temporary file beside it (mode 0600), synced, and renamed over the old one; then the folder is synced. A process that is killed
// at any moment leaves the old token or the new one. The temporary file it may leave behind is removed by the next holder of the lock, and by Delete.
// A folder that does not exist is made with mode 0700. Load and Save refuse a folder that others may write to or that is not ours (root may own it), Load
// also a file that others may read, a symbolic link, anything that is no regular file, and a file of another user: ErrInsecure. Load also reads a bare token
// in JSON, of this library or of golang.org/x/oauth2. A Save over a file that Load refuses replaces it.
//
// # The lock
//
// Lock locks the file <path>.lock, which is never removed: advisory, between processes by flock(2) or LockFileEx and freed by the system when its holder
// dies; within this process by a queue that all Stores of one path share. The system offers no wait that a context could end, so a process that waits for
// another one tries 20 times a second: a renewal takes longer than that, and a sign-in of minutes costs next to nothing. The lock is never lost while its
// holder lives, and held ends with its context only. Two things can take it away unnoticed: somebody removes <path>.lock, or a network file system forgets
// its locks. A version number in the file, which each change increments and which outlives Delete in <path>.lock, still finds both: a Save or Delete with
// that held fails with ErrLockLost, and what is newer stays. Without a held context Save and Delete work too, and the last one wins.
//
// A Store that keeps its token elsewhere on the machine can have the same lock: LockFile.
//
// # Sealed tokens
//
// With Config.Keys the token is encrypted, see package seal. It is bound to Config.Label, else to the path.
//
// # Platforms
//
// The checks of modes and owners are those of Unix systems, macOS included. On Windows there are no mode bits: the file is as private as the access list of
// the folder it inherits from, that of the profile by default, and folders can't be synced. A rename replaces a file that this package has open, but fails
// while another program has it open without sharing; the old token then stays and Save says so. On systems without file locks Lock fails.
//
// The store does not watch the file: it is no oauth2grant.Notifier. A grant still sees another process's token, because it loads under the lock before it
// refreshes.
package filestore
