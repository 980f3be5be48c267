package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/oauth2grant/go-oauth2grant/contrib/terminalprompt"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// login has a person sign in, unless somebody is signed in. Ten copies at once
// open one browser.
func (p *program) login(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("login", flag.ContinueOnError)
	flags.SetOutput(p.err)
	by := flags.String("by", "", "browser, paste or device; if empty, what suits this terminal")
	kind := flags.String("store", "", "keyring or file; if empty, the keyring if there is one")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	flow, err := p.flow(*by)
	if err != nil {
		return err
	}
	chosen, err := p.chooseStore(ctx, *kind)
	if err != nil {
		return err
	}
	store, err := p.openStore(chosen)
	if err != nil {
		return err
	}
	grant, err := p.newGrant(ctx, flow, store)
	if err != nil {
		return err
	}
	defer grant.Close()
	if err := grant.EnsureActiveToken(ctx); err != nil { // asks the person, if need be
		return err
	}
	if err := p.keepStore(chosen); err != nil {
		return err
	}
	who, err := grant.UserInfo(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "You are signed in as %s. The sign-in is kept in the %s.\n", who.Subject, chosen)
	return nil
}

// flow returns how the person is to sign in. Over SSH the browser is on another
// machine, and so is its loopback port.
func (p *program) flow(by string) (oauth2grant.Flow, error) {
	if by == "" {
		by = "browser"
		if os.Getenv("SSH_CONNECTION") != "" {
			by = "device"
		}
	}
	switch by {
	case "browser":
		return oauth2grant.AuthCode{Open: p.open}, nil
	case "paste":
		return oauth2grant.AuthCode{Open: p.open, Paste: terminalprompt.Paste(p.in, p.err)}, nil
	case "device":
		prompt := p.prompt
		if prompt == nil {
			prompt = terminalprompt.QR(p.err)
		}
		return oauth2grant.DeviceCode{Prompt: prompt}, nil
	}
	return nil, fmt.Errorf("%w: -by is browser, paste or device, not %q", errUsage, by)
}
