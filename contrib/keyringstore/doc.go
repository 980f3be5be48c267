// Package keyringstore is an oauth2grant.Store in the keyring of the operating
// system: the Secret Service of a Linux or BSD desktop (GNOME Keyring, KWallet,
// KeePassXC), the Keychain of macOS, the Credential Manager of Windows, all by
// github.com/zalando/go-keyring. There is no fall-back to a file: where no
// keyring can be reached, Open succeeds and every call says so
// (ErrUnavailable). A program for machines without a desktop uses package
// filestore.
//
// # Items
//
// The token is one item, named by [Config.Service] and [Config.Account].
// Windows takes no more than 2,560 bytes in an item and macOS about 3,000, so a
// larger token is cut into items of 2 KiB named "<account> #a0", "#a1" and so
// on, or "#b0", and the item <account> becomes the head that tells which of the
// two sets holds the token. A Save writes the set that is not in use, reads
// each item back, then replaces the head, then removes the other set. So a
// process that is killed at any moment leaves the old token or the new one;
// what it leaves besides is removed by the next Save or Delete.
//
// # The lock
//
// Lock is that of package filestore, with its two lock files in
// [Config.LockDir]. They are empty but for a version number. The head has the
// version too: a Save or Delete with the held context of a lock that was
// released or lost fails with oauth2grant.ErrLockLost. Processes that use one
// item exclude each other only if they have the same lock folder.
//
// # Prompts
//
// A locked keyring may ask a person for a password, and no keyring lets a
// caller take that question back. A call therefore leaves when its ctx ends,
// with the error of ctx, while the question stays on the screen. Until it is
// answered no other call of this process reaches the keyring: they wait, each
// on its own ctx, so that there is never more than one question, and a lock
// under which the question arose is not released, so that a late answer does
// not overwrite what another process has saved. A Save that was left may still
// take effect then. What waits is one goroutine, which ends with the question
// or the process; there is no Close, as that could only wait for the person.
//
// The store does not watch the keyring: it is no [oauth2grant.Notifier].
package keyringstore
