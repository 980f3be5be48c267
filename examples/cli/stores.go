package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oauth2grant/go-oauth2grant/contrib/keyringstore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

// The stores that a sign-in may be kept in. Which one is chosen once, when a
// person signs in, and noted: with a choice for each run, a desktop and an SSH
// session of one user would have a sign-in each.
const (
	inKeyring = "keyring"
	inFile    = "file"
)

// chooseStore returns the store of the sign-in there is, or that of a new one.
func (p *program) chooseStore(ctx context.Context, wanted string) (string, error) {
	if _, err := os.Stat(p.note()); err == nil {
		chosen := p.chosenStore()
		if wanted != "" && wanted != chosen {
			return "", fmt.Errorf("the sign-in is kept in the %s: run \"%s logout\" first", chosen, name)
		}
		return chosen, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	switch wanted {
	case inFile:
		return inFile, nil
	case inKeyring:
		return inKeyring, keyringstore.Available(ctx)
	case "":
		if err := keyringstore.Available(ctx); err != nil {
			fmt.Fprintln(p.err, "There is no keyring that can be used, so the sign-in will be kept in a file.")
			return inFile, nil
		}
		return inKeyring, nil
	}
	return "", fmt.Errorf("%w: -store is keyring or file, not %q", errUsage, wanted)
}

func (p *program) openStore(chosen string) (oauth2grant.Store, error) {
	if chosen == inKeyring {
		return keyringstore.Open(keyringstore.Config{Service: name, Account: p.issuer})
	}
	return filestore.Open(filestore.Config{Path: filepath.Join(p.folder, "token.json")})
}

// note is the file that says which store was chosen.
func (p *program) note() string { return filepath.Join(p.folder, "store") }

func (p *program) chosenStore() string {
	text, _ := os.ReadFile(p.note()) // where there is none, nobody is signed in
	if strings.TrimSpace(string(text)) == inKeyring {
		return inKeyring
	}
	return inFile
}

func (p *program) keepStore(chosen string) error {
	if err := os.MkdirAll(p.folder, 0o700); err != nil {
		return err
	}
	return os.WriteFile(p.note(), []byte(chosen+"\n"), 0o600)
}

func (p *program) forgetStore() error {
	if err := os.Remove(p.note()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
