// Multitenant is a service that acts for many users: their tokens are in
// PostgreSQL, a Pool keeps a bounded number of grants live, and one Client has
// the connections and the discovery of all. A user whose grant was closed to
// make room comes back without a token request: the token is in the store.
//
// It puts itself under load for some seconds, with a PostgreSQL of its own if
// that is installed, and prints figures:
//
//	go run ./multitenant
//	go run ./multitenant -users 5000 -live 500
//
// Or it serves GET /orders?user=user-7 until it is interrupted:
//
//	DATABASE_URL=postgres://localhost/test go run ./multitenant -listen 127.0.0.1:8080
//
// The authorization server and the API are in this process. In the database it
// works in a schema of its own, which it drops at the end.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/oauth2grant/go-oauth2grant/contrib/pgstore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, os.Getenv, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "multitenant:", err)
		os.Exit(1)
	}
}

type options struct {
	users, live int
	period      time.Duration
	listen      string
}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("multitenant", flag.ContinueOnError)
	f.IntVar(&o.users, "users", 200, "number of users")
	f.IntVar(&o.live, "live", 64, "number of grants that are live at a time")
	f.DurationVar(&o.period, "for", 5*time.Second, "how long the load lasts")
	f.StringVar(&o.listen, "listen", "", "address to serve at, without a load; none: a free port and a load")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.users < 1 || o.live < 1 || o.period <= 0 {
		err = errors.New("-users, -live and -for must be positive")
	}
	return o, err
}

func run(ctx context.Context, out io.Writer, getenv func(string) string, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	db, end, err := openDatabase(ctx, getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer end()
	family, err := pgstore.New(db, pgstore.Config{})
	if err != nil {
		return err
	}
	defer family.Close()
	provider, err := startProvider(ctx, o.users)
	if err != nil {
		return err
	}
	defer provider.close()
	begin := time.Now()
	if err := seed(ctx, family, provider, o.users); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d users have a refresh token in PostgreSQL, stored in %v\n", o.users,
		time.Since(begin).Round(time.Millisecond))

	client, err := oauth2grant.NewClient(oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: provider.url},
		Auth:   oauth2grant.SecretBasic("client", "secret"),
	})
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	var live census
	grants := oauth2grant.NewPool(context.WithoutCancel(ctx),
		func(ctx context.Context, user string) (*oauth2grant.Grant, error) {
			grant, err := oauth2grant.New(ctx, oauth2grant.RefreshOnly{}, oauth2grant.Config{
				Client: client,
				Name:   user,
				Store:  family.Store(user),
				// Users come and go: a token is renewed when its user is there.
				Refresh: oauth2grant.Refresh{Disabled: true},
			})
			if err == nil {
				live.add(grant)
			}
			return grant, err
		}, oauth2grant.PoolConfig{MaxLive: o.live})
	defer grants.Close()

	app := &app{
		grants: grants, api: provider.url + "/api/orders", connections: &http.Transport{MaxIdleConnsPerHost: parallel},
	}
	defer app.connections.CloseIdleConnections()
	address, stop, err := serve(ctx, o.listen, app)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Fprintf(out, "serving %s/orders?user=%s\n", address, userName(0))
	if o.listen != "" {
		<-ctx.Done()
		return nil
	}
	f := load(ctx, address, o)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	f.tokenRequests, f.reused = int(provider.tokenRequests.Load()), provider.ReuseDetected()
	f.opened, f.mostLive, f.maxLive = live.opened, live.most, o.live
	f.measureMemory()
	f.print(out)
	return f.judge()
}

// app calls the API for its users.
type app struct {
	grants      *oauth2grant.Pool[string]
	api         string
	connections *http.Transport
}

// ServeHTTP returns the orders of a user. Who that is, the session of the
// caller would tell in a real service, never the URL.
func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := a.grants.Use(r.Context(), r.FormValue("user"), func(grant *oauth2grant.Grant) error {
		req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, a.api, nil)
		if err != nil {
			return err
		}
		res, err := grant.Transport(a.connections).RoundTrip(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, res.Body) // the caller sees that it is cut short
		return nil
	})
	switch {
	case r.Context().Err() != nil: // nobody waits for an answer
	case errors.Is(err, oauth2grant.ErrLoginRequired): // somebody unknown, or whose refresh token is dead
		http.Error(w, "sign in first", http.StatusUnauthorized)
	case err != nil:
		fmt.Fprintln(os.Stderr, "multitenant:", err)
		http.Error(w, "the orders can't be had now", http.StatusBadGateway)
	}
}

// census counts the grants that are live.
type census struct {
	mu           sync.Mutex
	grants       []*oauth2grant.Grant
	opened, most int
}

func (c *census) add(g *oauth2grant.Grant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	open := c.grants[:0]
	for _, g := range c.grants {
		if g.Status().State != oauth2grant.StateClosed {
			open = append(open, g)
		}
	}
	clear(c.grants[len(open):])
	c.grants = append(open, g)
	c.opened++
	c.most = max(c.most, len(c.grants))
}

func userName(i int) string { return fmt.Sprintf("user-%d", i) }

// seed stores what the users' sign-ins have left: a refresh token each.
func seed(ctx context.Context, family *pgstore.Family, p *provider, users int) error {
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(parallel)
	for i := range users {
		all.Go(func() error {
			_, refreshToken, _ := p.Issue("client", userName(i), "read")
			return family.Store(userName(i)).Save(ctx, oauth2grant.Token{RefreshToken: refreshToken})
		})
	}
	return all.Wait()
}

// serve answers on an address, empty for a free port, until stop is called.
func serve(ctx context.Context, address string, h http.Handler) (url string, stop func(), err error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener)
	}()
	return "http://" + listener.Addr().String(), func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if server.Shutdown(limited) != nil {
			_ = server.Close()
		}
		<-ended
	}, nil
}

// openDatabase connects to a database, without a URL to one of our own, and
// makes the table in a new schema. end drops that.
func openDatabase(ctx context.Context, url string) (db *pgxpool.Pool, end func(), err error) {
	stop := func() {}
	if url == "" {
		if url, stop, err = startPostgres(ctx); err != nil {
			return nil, nil, err
		}
	}
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		stop()
		return nil, nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	schema := "multitenant_" + rand.Text()
	cfg.ConnConfig.RuntimeParams["search_path"] = `"` + schema + `"`
	cfg.MaxConns = parallel + 4
	if db, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		stop()
		return nil, nil, err
	}
	if _, err := db.Exec(ctx, `CREATE SCHEMA "`+schema+`"`); err != nil {
		db.Close()
		stop()
		return nil, nil, err
	}
	end = func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if _, err := db.Exec(limited, `DROP SCHEMA "`+schema+`" CASCADE`); err != nil {
			fmt.Fprintf(os.Stderr, "multitenant: the schema %s is left: %v\n", schema, err)
		}
		db.Close()
		stop()
	}
	if err := pgstore.Migrate(ctx, db); err != nil {
		end()
		return nil, nil, err
	}
	return db, end, nil
}
