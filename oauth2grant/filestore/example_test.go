package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "filestore")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	// Or Name: "mytool".
	store, err := filestore.Open(filestore.Config{Path: filepath.Join(dir, "mytool", "token.json")})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	_, err = store.Load(ctx)
	fmt.Println(errors.Is(err, oauth2grant.ErrNoToken))
	fmt.Println(store.Save(ctx, oauth2grant.Token{AccessToken: "secret", TokenType: "Bearer"}))
	token, err := store.Load(ctx)
	fmt.Println(token, err)
	// Output:
	// true
	// <nil>
	// Token{type "Bearer", access [redacted]} <nil>
}
