package oauth2grant

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// SecretFile reads the client secret from a file before every send. White space
// around it, and a byte order mark before it, are not part of it. A file that is
// empty, larger than 64 KiB, or, but on Windows, one that everybody can write,
// is an error that names it.
func SecretFile(id string, method AuthMethod, path string) ClientAuth {
	return SecretFunc(id, method, func(context.Context) (string, error) {
		secret, err := readSecret(path)
		if err != nil {
			return "", fmt.Errorf("oauth2grant: read the client secret: %w", err)
		}
		return secret, nil
	})
}

const maxSecretFile = 64 << 10

func readSecret(path string) (string, error) {
	file, err := os.Open(path) //nolint:gosec // the path is the user's own
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	refuse := func(why string) error { return &os.PathError{Op: "read", Path: path, Err: errors.New(why)} }
	info, err := file.Stat()
	switch {
	case err != nil:
		return "", err
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o002 != 0:
		return "", refuse("everybody can write it: chmod o-w")
	}
	content, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	switch {
	case err != nil:
		return "", err
	case len(content) > maxSecretFile:
		return "", refuse("it is too large for a secret")
	}
	secret := bytes.TrimSpace(bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")))
	if len(secret) == 0 {
		return "", refuse("it is empty")
	}
	return string(secret), nil
}
