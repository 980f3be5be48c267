// Fleet shows several processes that share one refresh token through Redis: an
// authorization server in this process rotates it at each use, ends the sign-in
// if one is used twice, and issues access tokens that live three seconds. Each
// worker is a process of its own which calls an API all the time. Whoever comes
// first refreshes, the others adopt what it got. The table tells who did what;
// at the end come the figures, and it fails if anything was off: a token
// request too many, a refusal, a call without a token.
//
//	go run ./fleet                    with a redis-server of its own, if that is installed
//	REDIS_URL=redis://localhost:6379 go run ./fleet -workers 8 -for 20s
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauth2grant/go-oauth2grant/contrib/redisstore"
	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

const (
	tokenLifetime = 3 * time.Second // the server announces the whole seconds left: two
	tokenDelay    = 50 * time.Millisecond
)

func main() {
	if os.Getenv(workerVariable) != "" {
		signal.Ignore(os.Interrupt) // a terminal sends it to all: the parent decides
		if err := work(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, os.Getenv, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, getenv func(string) string, args []string) error {
	flags := flag.NewFlagSet("fleet", flag.ContinueOnError)
	workers := flags.Int("workers", 4, "number of worker processes")
	period := flags.Duration("for", 10*time.Second, "how long they work")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *workers < 1 || *period <= 0 {
		return errors.New("-workers and -for must be positive")
	}
	job := assignment{RedisURL: getenv("REDIS_URL"), Prefix: "fleet-" + rand.Text()}
	if job.RedisURL == "" {
		url, end, err := startRedis(ctx)
		if err != nil {
			return err
		}
		defer end()
		job.RedisURL = url
	}
	server, err := authserver.Start(authserver.Config{AccessTokenLifetime: tokenLifetime, TokenDelay: tokenDelay})
	if err != nil {
		return err
	}
	defer server.Close()
	job.Issuer = server.Issuer()

	store, end, err := job.store()
	if err != nil {
		return err
	}
	defer end()
	if err := signIn(ctx, job.Issuer, store); err != nil {
		return err
	}
	defer func() { _ = store.Delete(context.WithoutCancel(ctx)) }() // what is left goes by its time to live

	fmt.Fprintf(out, "%d workers share one refresh token; access tokens live %v at most\n\n", *workers, tokenLifetime)
	board := newBoard(out, *workers)
	limited, cancel := context.WithTimeout(ctx, *period)
	defer cancel()
	if err := runWorkers(limited, job, board); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	f := board.figures()
	f.requests, f.refusals = server.Count("/token"), server.Refusals()
	f.print(out)
	return f.judge()
}

// signIn puts the token of a person into the store: the workers never see more
// of them than that.
func signIn(ctx context.Context, issuer string, store oauth2grant.Store) error {
	client, err := oauth2grant.NewClient(oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: issuer},
		Auth:   oauth2grant.SecretBasic("web", "web-secret"),
		Scopes: []string{"offline_access", "read"},
	})
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	token, err := oauth2grant.Password{Username: "alice", Password: "wonderland"}.Run(ctx, client)
	if err != nil {
		return err
	}
	return store.Save(ctx, token)
}

// store opens the store that all share. end closes what it hangs on.
func (a assignment) store() (store *redisstore.Store, end func(), err error) {
	options, err := redis.ParseURL(a.RedisURL)
	if err != nil {
		return nil, nil, fmt.Errorf("REDIS_URL: %w", err)
	}
	options.ContextTimeoutEnabled = true
	client := redis.NewClient(options)
	family, err := redisstore.New(client, redisstore.Config{Prefix: a.Prefix, TTL: time.Hour})
	if err != nil {
		return nil, nil, errors.Join(err, client.Close())
	}
	return family.Store("alice"), func() { _, _ = family.Close(), client.Close() }, nil
}

// startRedis starts a redis-server that keeps nothing on disk. end kills it.
func startRedis(ctx context.Context) (url string, end func(), err error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return "", nil,
			fmt.Errorf("set REDIS_URL, or install Redis (apt-get install redis-server, brew install redis): %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	host, port, _ := net.SplitHostPort(listener.Addr().String())
	_ = listener.Close() // the port is free again

	// It outlives an interrupt, since the workers still save their token: end
	// kills it.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), path, "--bind", host, "--port", port, "--save", "",
		"--appendonly", "no", "--dir", os.TempDir())
	output, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	ready, drained := make(chan bool, 1), make(chan struct{})
	go func() {
		defer close(drained)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			if strings.Contains(lines.Text(), "Ready to accept connections") {
				ready <- true
			}
		}
		close(ready)
	}()
	end = func() {
		_ = cmd.Process.Kill()
		<-drained
		_ = cmd.Wait()
	}
	select {
	case ok := <-ready:
		if !ok {
			end()
			return "", nil, errors.New("redis-server ended before it was ready")
		}
	case <-ctx.Done():
		end()
		return "", nil, context.Cause(ctx)
	}
	return "redis://" + net.JoinHostPort(host, port), end, nil
}
