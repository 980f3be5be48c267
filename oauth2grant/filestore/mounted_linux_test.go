package filestore

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func TestIsMountPoint(t *testing.T) {
	const table = `22 27 0:21 / /proc rw,relatime - proc proc rw
951 940 254:1 /var/lib/docker/volumes/t /etc/tool/token.json rw,relatime master:1 - ext4 /dev/vda1 rw
952 940 254:1 /x /srv/with\040space\134/token.json rw - ext4 /dev/vda1 rw
short line
`
	for path, want := range map[string]bool{
		"/etc/tool/token.json":          true,
		`/srv/with space\/token.json`:   true,
		"/etc/tool":                     false,
		"/var/lib/docker/volumes/t":     false,
		"/etc/tool/token.json.lock":     false,
		`/srv/with\040space\134/token.`: false,
	} {
		if got := isMountPoint(strings.NewReader(table), path); got != want {
			t.Errorf("%s: %t", path, got)
		}
	}
}

// TestIsMountPoint stands in for it where a process may not mount.
func TestOpen_RefusesAFileThatIsMountedAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "private")
	path := filepath.Join(dir, "token.json")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(path, nil, 0o600),
		os.WriteFile(path+".host", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	before, err := Open(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 || syscall.Mount(path+".host", path, "", syscall.MS_BIND, "") != nil {
		return
	}
	t.Cleanup(func() { _ = syscall.Unmount(path, 0) })
	if s, err := Open(Config{Path: path}); !errors.Is(err, ErrMounted) {
		t.Errorf("Open gave %v, %v", s, err)
	}
	if err := before.Save(t.Context(), oauth2grant.Token{AccessToken: "a"}); !errors.Is(err, ErrMounted) {
		t.Errorf("Save gave %v", err)
	}
}
