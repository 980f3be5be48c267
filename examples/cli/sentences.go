package main

import (
	"context"
	"errors"
	"flag"

	"github.com/oauth2grant/go-oauth2grant/callbackserver"
	"github.com/oauth2grant/go-oauth2grant/contrib/keyringstore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

// sentence returns what a person is told of an error, and what to do.
func sentence(err error) string {
	for _, known := range sentences {
		if errors.Is(err, known.err) {
			return known.text
		}
	}
	if oauth2grant.IsTransient(err) {
		return "The server can't be reached just now; try again later. (" + err.Error() + ")"
	}
	return err.Error()
}

// sentences are in the order in which they are looked for.
var sentences = []struct {
	err  error
	text string
}{
	{oauth2grant.ErrLoginRequired, `You are not signed in, or no longer. Run "orders login".`},
	{oauth2grant.AccessDenied, "You did not allow it; nothing was done."},
	{oauth2grant.ErrAuthorizationTimeout, `Nobody signed in in time. Run "orders login" again.`},
	{oauth2grant.ErrOtherState, `That was an older sign-in. Close its tab, and run "orders login" again.`},
	{oauth2grant.ErrBadPaste, `That was not the address of the page. Run "orders login" again, and paste all of it.`},
	{
		callbackserver.ErrPortTaken,
		"Another program has the port that the browser is to come back to. End it, and try again.",
	},
	{keyringstore.ErrLocked, "The keyring is locked. Unlock it, and try again."},
	{keyringstore.ErrUnavailable, `There is no keyring here. Run "orders login -store file", or in a desktop session.`},
	{filestore.ErrInsecure, `Others could read or change the sign-in. Mend the permissions, then run "orders login".`},
	{filestore.ErrCorrupt, `The file of the sign-in is damaged. Run "orders logout", then "orders login".`},
	{context.Canceled, "Interrupted."},
}

// exitCode lets a script tell a missing sign-in from the rest.
func exitCode(err error) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	case errors.Is(err, oauth2grant.ErrLoginRequired):
		return 3
	}
	return 1
}
