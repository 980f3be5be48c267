package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// disk is one that can be full.
type disk struct {
	name   string
	reason string // what the system says then
	fill   func(t *testing.T, p *process, dir string)
	mount  func(t *testing.T, dir string) bool // false: the system does not let us; nil: nothing to do
	empty  func(t *testing.T, dir string)
}

var disks = []disk{
	{
		name: "for one process", reason: "EFBIG",
		fill:  func(t *testing.T, p *process, _ string) { t.Helper(); p.tokenFrom(t, doFill) },
		mount: func(*testing.T, string) bool { return true },
		empty: func(*testing.T, string) {},
	},
	{
		name: "for all", reason: "ENOSPC", mount: mountSmall,
		fill:  func(t *testing.T, _ *process, dir string) { t.Helper(); fillUp(t, filepath.Join(dir, "filler")) },
		empty: func(t *testing.T, dir string) { t.Helper(); must(t, os.Remove(filepath.Join(dir, "filler"))) },
	},
}

// TestFullDisk leaves no room for the mark of a refresh, so that nothing is
// sent: the token in the file stays good, and is renewed once there is room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, k := range rotatingKinds {
		for _, d := range disks {
			dir := filepath.Join(t.TempDir(), "private")
			must(t, os.Mkdir(dir, 0o700))
			if !d.mount(t, dir) { // needs privileges; the limit of one process stands in for it
				continue
			}
			t.Run(d.name+", "+k.name, func(t *testing.T) {
				t.Parallel()
				s, file := k.start(t, time.Hour), stores[0]
				file.start = func(*testing.T) string { return filepath.Join(dir, "token.json") }
				d.isRiddenOut(t, s, file.at(t), dir)
			})
		}
	}
}

func (d disk) isRiddenOut(t *testing.T, s rotating, c common, dir string) {
	t.Helper()
	c.put(t, s.signIn(t))
	before := c.get(t)
	p := c.start(t, spec{
		Issuer: s.issuer, Refresh: oauth2grant.Refresh{
			MinBackOff: 10 * time.Millisecond, MaxBackOff: 50 * time.Millisecond,
		},
	})
	p.tokenFrom(t, doToken)
	d.fill(t, p, dir)

	s.wantRequests(t, 0, func() {
		if refused := p.do(t, doRenew); !refused.is(d.reason) {
			t.Errorf("a renewal fails with %q, want %s", refused.Err, d.reason)
		}
		if again := p.tokenFrom(t, doToken); again.Access != before.AccessToken {
			t.Error("the token that is usable is not used")
		}
		if !same(c.get(t), before) {
			t.Error("the file was changed")
		}
	})
	d.empty(t, dir)
	if room := p.order(t, order{Do: doEmpty, Patience: progress.Limit}).wait(t); room.Err != "" {
		t.Fatalf("with room again: %s", room.Err)
	}
	s.wantRequests(t, 1, func() {
		if renewed := p.tokenFrom(t, doRenew); c.get(t).RefreshToken != renewed.Refresh {
			t.Error("the renewed token is not saved")
		}
	})
	other := c.start(t, spec{Issuer: s.issuer})
	other.tokenFrom(t, doRenew)
	if n := s.refusals(); n != 0 {
		t.Errorf("the server refused %d token requests", n)
	}
	other.end(t)
	p.end(t)
}

// fillUp writes a file until nothing more fits.
func fillUp(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
