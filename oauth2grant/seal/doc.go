// Package seal encrypts what a store keeps: AES-256-GCM under keys of the
// caller's, in a JSON envelope that names its version, its algorithm and its
// key.
//
// Keys change without downtime: let the KeyFunc seal with the new key and still
// return the old one for its id, until everything has been written again. The
// place given to Seal and Open is authenticated and not kept, so that an
// envelope that is moved to another place can't be opened there. An attacker
// who can write to the store can still bring back an older envelope of the same
// place.
//
// Nonces are random: change the key before 2^32 envelopes have been sealed with
// it (NIST SP 800-38D §8.3).
package seal
