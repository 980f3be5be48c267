package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"time"
)

// startPostgres makes a cluster in a temporary folder and starts its server,
// which keeps nothing for long. end removes both.
func startPostgres(ctx context.Context) (url string, end func(), err error) {
	bin, err := programFolder(initdb...)
	if err != nil {
		return "", nil, fmt.Errorf(
			"set DATABASE_URL, or install PostgreSQL (apt-get install postgresql, brew install postgresql): %w", err)
	}
	dir, err := os.MkdirTemp("", "multitenant")
	if err != nil {
		return "", nil, err
	}
	var as []string // PostgreSQL refuses to run as root
	if os.Geteuid() == 0 {
		as = []string{"runuser", "-u", "postgres", "--"}
		if err := give(dir, "postgres"); err != nil {
			return "", nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	data := filepath.Join(dir, "data")
	program := func(name string, args ...string) error {
		args = append(append(as[:len(as):len(as)], filepath.Join(bin, name)), args...)
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(limited, args[0], args[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", name, err, out)
		}
		return nil
	}
	end = func() {
		_ = program("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop") // fails where it has not started
		_ = os.RemoveAll(dir)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		end()
		return "", nil, err
	}
	address := listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	_ = listener.Close() // the port is free again
	err = program("initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
	if err == nil {
		err = program("pg_ctl", "-D", data, "-l", filepath.Join(dir, "log"), "-w",
			"-o", "-p "+port+" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off", "start")
	}
	if ctx.Err() != nil { // an interrupt from a terminal ends the programs too
		err = context.Cause(ctx)
	}
	if err != nil {
		end()
		return "", nil, err
	}
	return "postgres://postgres@" + address + "/postgres?sslmode=disable", end, nil
}

// initdb is where that may be: in the PATH, else where Debian has it.
var initdb = []string{"initdb", "/usr/lib/postgresql/*/bin/initdb"}

// programFolder is the folder of the first program that is there; others of its
// kind lie beside it.
func programFolder(patterns ...string) (folder string, err error) {
	for _, name := range patterns {
		if found, _ := filepath.Glob(name); len(found) > 0 && filepath.IsAbs(name) {
			name = found[len(found)-1]
		}
		path, problem := exec.LookPath(name)
		if problem == nil {
			path, problem = filepath.EvalSymlinks(path)
		}
		if problem == nil {
			return filepath.Dir(path), nil
		}
		err = cmp.Or(err, problem)
	}
	return "", err
}

// give hands a folder to a user.
func give(dir, name string) error {
	account, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, uidErr := strconv.Atoi(account.Uid)
	gid, gidErr := strconv.Atoi(account.Gid)
	return cmp.Or(uidErr, gidErr, os.Chown(dir, uid, gid))
}
