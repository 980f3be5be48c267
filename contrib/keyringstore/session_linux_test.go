package keyringstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

const (
	envInside   = "KEYRINGSTORE_TEST_SESSION" // the folder of the session that this process runs in
	serviceName = "org.freedesktop.secrets"
)

// busConfig is a bus that starts nothing by itself: a keyring that was killed
// stays away.
const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=%s</listen>
  <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>
`

// inSession runs the tests again in a D-Bus session of their own with an
// unlocked GNOME Keyring, and reports whether that has happened.
func inSession() (ended bool, code int) {
	if dir := os.Getenv(envInside); dir != "" {
		if err := startKeyring(); err != nil {
			fmt.Println("start gnome-keyring-daemon:", err)
			return true, 1
		}
		return false, 0
	}
	for _, command := range []string{"dbus-run-session", "gnome-keyring-daemon"} {
		if _, err := exec.LookPath(command); err != nil {
			return missing("There is no " + command + ", so no tests of a real keyring: run e2e/setup.sh keyring")
		}
	}
	dir, err := os.MkdirTemp("", "keyring")
	if err != nil {
		fmt.Println(err)
		return true, 1
	}
	defer os.RemoveAll(dir)
	config := filepath.Join(dir, "bus.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, busConfig, dir), 0o600); err != nil {
		fmt.Println(err)
		return true, 1
	}
	session := exec.CommandContext(context.Background(), "dbus-run-session",
		append([]string{"--config-file=" + config, "--"}, os.Args...)...)
	session.Env = append(os.Environ(), envInside+"="+dir, "XDG_DATA_HOME="+dir, "XDG_RUNTIME_DIR="+dir,
		"XDG_CONFIG_HOME="+dir)
	session.Stdout, session.Stderr = os.Stdout, os.Stderr
	if err := session.Run(); err != nil {
		if _, failed := errors.AsType[*exec.ExitError](err); !failed {
			fmt.Println(err)
		}
		return true, 1
	}
	return true, 0
}

// needSession skips a test where there is no keyring; with CI=true the tests
// have not begun then.
func needSession(tb testing.TB) {
	tb.Helper()
	if os.Getenv(envInside) == "" {
		tb.Skip("there is no GNOME Keyring: run e2e/setup.sh keyring")
	}
}

// daemon is the keyring of the session.
var daemon *exec.Cmd

// startKeyring starts the keyring, unlocked, and returns when it can be asked.
func startKeyring() error {
	conn, err := dbus.ConnectSessionBus()
	if err != nil {
		return err
	}
	defer conn.Close()
	owners := make(chan *dbus.Signal, 10)
	conn.Signal(owners)
	err = conn.AddMatchSignal(dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, serviceName))
	if err != nil {
		return err
	}
	daemon = exec.CommandContext(context.Background(), "gnome-keyring-daemon", "--unlock", "--components=secrets",
		"--foreground")
	daemon.Stdin = strings.NewReader("\n")
	if err := daemon.Start(); err != nil {
		return err
	}
	for signal := range owners {
		if len(signal.Body) == 3 && signal.Body[0] == serviceName && signal.Body[2] != "" {
			return nil
		}
	}
	return errors.New("the bus has gone")
}

func stopKeyring() error {
	err := daemon.Process.Kill()
	_ = daemon.Wait()
	return err
}

// leaveSession ends what the tests have started.
func leaveSession() {
	if os.Getenv(envInside) == "" {
		return
	}
	_ = stopKeyring()
	if conn, err := dbus.SessionBus(); err == nil { // that of go-keyring
		_ = conn.Close()
	}
}
