package oauth2grant

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync/atomic"
)

// SecretFile reads the client secret from a file before every send. White space
// around it, and a byte order mark before it, are not part of it. A file that
// is empty, larger than 64 KiB or, except on Windows, writable by everybody is
// an error that names it. One that everybody can read is used, since that is
// how Kubernetes and Docker mount secrets, with one warning in [Config.Logger].
func SecretFile(id string, method AuthMethod, path string) ClientAuth {
	var warned atomic.Bool
	return SecretFunc(id, method, func(ctx context.Context) (string, error) {
		secret, mode, err := readSecret(path)
		if err != nil {
			return "", fmt.Errorf("oauth2grant: read the client secret: %w", err)
		}
		log := witnessOf(ctx).log
		if runtime.GOOS != "windows" && mode&0o004 != 0 && log != nil && warned.CompareAndSwap(false, true) {
			log.WarnContext(ctx, "everybody on this machine can read the client secret: chmod o-r", "file", path)
		}
		return secret, nil
	})
}

const maxSecretFile = 64 << 10

// readSecret returns the secret in a file, and the permissions of that.
func readSecret(path string) (string, fs.FileMode, error) {
	file, err := os.Open(path) //nolint:gosec // the path is the user's own
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = file.Close() }()
	refuse := func(why string) error { return &os.PathError{Op: "read", Path: path, Err: errors.New(why)} }
	info, err := file.Stat()
	switch {
	case err != nil:
		return "", 0, err
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o002 != 0:
		return "", 0, refuse("everybody can write it: chmod o-w")
	}
	content, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	switch {
	case err != nil:
		return "", 0, err
	case len(content) > maxSecretFile:
		return "", 0, refuse("it is too large for a secret")
	}
	secret := bytes.TrimSpace(bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")))
	if len(secret) == 0 {
		return "", 0, refuse("it is empty")
	}
	return string(secret), info.Mode().Perm(), nil
}
