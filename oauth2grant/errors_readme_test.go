package oauth2grant_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// trouble is a way to an error of README's table.
type trouble struct {
	row       string // what README asks of the error; empty: a file, a port and the like, of which no row is
	flow      oauth2grant.Flow
	cfg       edit
	transport http.RoundTripper // what the client is made of, instead of the grant's own
	before    func(t *testing.T, g *oauth2grant.Grant, srv *granttest.Server)
	limit     time.Duration // of the call's own context
	transient bool
	answered  bool // an *Error is in it
}

// rows are the errors of README's table.
var rows = map[string]func(error) bool{
	"errors.Is(err, oauth2grant.ErrLoginRequired)":        is(oauth2grant.ErrLoginRequired),
	"oauth2grant.IsTransient(err)":                        oauth2grant.IsTransient,
	"errors.Is(err, oauth2grant.InvalidClient)":           is(oauth2grant.InvalidClient),
	"errors.Is(err, oauth2grant.InvalidScope)":            is(oauth2grant.InvalidScope),
	"errors.Is(err, oauth2grant.AccessDenied)":            is(oauth2grant.AccessDenied),
	"errors.Is(err, oauth2grant.ErrAuthorizationTimeout)": is(oauth2grant.ErrAuthorizationTimeout),
	"errors.Is(err, oauth2grant.ErrConfig)":               is(oauth2grant.ErrConfig),
	"errors.Is(err, context.DeadlineExceeded)":            is(context.DeadlineExceeded),
	"errors.Is(err, oauth2grant.ErrClosed)":               is(oauth2grant.ErrClosed),
}

func is(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }

// failingWith returns a client over a transport that fails.
func failingWith(err error) *http.Client {
	return &http.Client{Transport: tripper(func(*http.Request) (*http.Response, error) { return nil, err })}
}

func breaks(f granttest.Fault) func(*testing.T, *oauth2grant.Grant, *granttest.Server) {
	return func(_ *testing.T, _ *oauth2grant.Grant, srv *granttest.Server) { srv.Break(granttest.Token, f) }
}

// edit changes a Config.
type edit = func(cfg *oauth2grant.Config, srv *granttest.Server)

func troubles(t *testing.T) map[string]trouble {
	const (
		login   = "errors.Is(err, oauth2grant.ErrLoginRequired)"
		busy    = "oauth2grant.IsTransient(err)"
		denied  = "errors.Is(err, oauth2grant.AccessDenied)"
		timeout = "errors.Is(err, oauth2grant.ErrAuthorizationTimeout)"
	)
	machine := oauth2grant.ClientCredentials{}
	device := oauth2grant.DeviceCode{
		Prompt: func(context.Context, oauth2grant.DevicePrompt) error { return nil }, Timeout: time.Minute,
	}
	public := func(cfg *oauth2grant.Config, _ *granttest.Server) { cfg.Auth = oauth2grant.Public("native") }
	auth := func(a oauth2grant.ClientAuth) edit {
		return func(cfg *oauth2grant.Config, _ *granttest.Server) { cfg.Auth = a }
	}
	dead := func(cfg *oauth2grant.Config, _ *granttest.Server) { cfg.Token.RefreshToken = "dead" }
	network := func(err error) edit {
		return func(cfg *oauth2grant.Config, _ *granttest.Server) { cfg.HTTPClient = failingWith(err) }
	}
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	taken := &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	noFile := filepath.Join(t.TempDir(), "none")
	return map[string]trouble{
		"nobody has signed in":  {row: login, flow: oauth2grant.RefreshOnly{}},
		"the session has ended": {row: login, flow: oauth2grant.RefreshOnly{}, answered: true, cfg: dead},
		"a session of which nothing is clear": {
			row: login, flow: oauth2grant.RefreshOnly{}, answered: true, cfg: dead,
			before: breaks(granttest.Fault{Status: 400}),
		},
		"503": {
			row: busy, flow: machine, transient: true, answered: true, before: breaks(granttest.Fault{Status: 503}),
		},
		"a page": {row: busy, flow: machine, transient: true, answered: true, before: breaks(granttest.HTML(200))},
		"a cut": {
			row: busy, flow: machine, transient: true, answered: true,
			before: breaks(granttest.Fault{Cut: granttest.CutBefore}),
		},
		"nobody there": {row: busy, flow: machine, transient: true, answered: true, cfg: network(refused)},
		"a wrong secret": {
			row: "errors.Is(err, oauth2grant.InvalidClient)", flow: machine, answered: true,
			cfg: auth(oauth2grant.SecretBasic("client", "another secret")),
		},
		"a scope": {
			row: "errors.Is(err, oauth2grant.InvalidScope)", flow: machine, answered: true,
			before: breaks(granttest.Error(400, "invalid_scope", "what is that?")),
		},
		"somebody says no": {
			row: denied, answered: true, cfg: public, flow: device,
			before: breaks(granttest.Error(400, "access_denied", "")),
		},
		"somebody declines": {
			row: denied, answered: true, cfg: public, flow: device,
			before: breaks(granttest.Error(400, "authorization_declined", "")),
		},
		"nobody comes": {row: timeout, cfg: public, flow: device},
		"a Config": {
			row: "errors.Is(err, oauth2grant.ErrConfig)", flow: machine,
			transport: tripper(func(r *http.Request) (*http.Response, error) {
				_, err := oauth2grant.New(r.Context(), machine, oauth2grant.Config{})
				return nil, err
			}),
		},
		"the caller's own deadline": {
			row:  "errors.Is(err, context.DeadlineExceeded)",
			flow: machine, transient: true, answered: true, limit: 2 * time.Minute,
			before: func(t *testing.T, g *oauth2grant.Grant, srv *granttest.Server) {
				srv.Break(granttest.Token, granttest.Fault{Status: 503})
				_ = g.EnsureActiveToken(t.Context())
				srv.Break(granttest.Token, granttest.Fault{Hang: true})
				time.Sleep(30 * time.Second) // the next attempt is under way
			},
		},
		"a server that hangs": {
			row:  "errors.Is(err, context.DeadlineExceeded)",
			flow: machine, transient: true, answered: true, before: breaks(granttest.Fault{Hang: true}),
		},
		"a grant that was closed": {
			row: "errors.Is(err, oauth2grant.ErrClosed)", flow: machine,
			before: func(_ *testing.T, g *oauth2grant.Grant, _ *granttest.Server) { _ = g.Close() },
		},

		"an API that is not among the origins": {
			flow: machine,
			cfg: func(cfg *oauth2grant.Config, _ *granttest.Server) {
				cfg.Origins = []string{"https://other.example"}
			},
		},
		"a secret that is not there": {
			flow: machine, answered: true, cfg: auth(oauth2grant.SecretFile("client", oauth2grant.MethodBasic, noFile)),
		},
		"an unknown authority": {flow: machine, answered: true, cfg: network(x509.UnknownAuthorityError{})},
		"a redirect": {
			flow: machine, answered: true, before: breaks(granttest.Redirect("https://as.example/token/")),
		},
		"a port that is taken": {
			flow:      machine,
			transport: tripper(func(*http.Request) (*http.Response, error) { return nil, taken }),
		},
	}
}

func TestErrors_OfREADMEComeThroughAnyWrapping(t *testing.T) {
	met := map[string]bool{}
	for name, c := range troubles(t) {
		met[c.row] = true
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := c.meet(t)
				for how, err := range map[string]error{
					"as it is": err, "by Errorf": fmt.Errorf("at work: %w", err),
					"by Join": errors.Join(errors.New("at work"), err),
					"by both": fmt.Errorf("at work: %w", errors.Join(fmt.Errorf("within: %w", err), io.EOF)),
				} {
					for row, holds := range rows {
						want := row == c.row || row == "oauth2grant.IsTransient(err)" && c.transient
						if holds(err) != want {
							t.Errorf("%s: %s is %v of %v", how, row, !want, err)
						}
					}
					if _, ok := errors.AsType[*oauth2grant.Error](err); ok != c.answered {
						t.Errorf("%s: there is an *Error in %v: %v", how, err, ok)
					}
				}
			})
		})
	}
	for row := range rows {
		if !met[row] {
			t.Errorf("nothing leads to %s", row)
		}
	}
}

// meet returns what an http.Client says.
func (c trouble) meet(t *testing.T) error {
	t.Helper()
	srv := granttest.New(granttest.Config{})
	cfg := configFor(srv)
	if c.cfg != nil {
		c.cfg(&cfg, srv)
	}
	g := open(t, c.flow, cfg)
	if c.before != nil {
		c.before(t, g, srv)
	}
	client := g.HTTPClient()
	if c.transport != nil {
		client = &http.Client{Transport: c.transport}
	}
	ctx := t.Context()
	if c.limit > 0 {
		limited, cancel := context.WithTimeout(ctx, c.limit)
		defer cancel()
		ctx = limited
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, api, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err == nil {
		_ = res.Body.Close()
		t.Fatal("no error")
	}
	return err
}

func TestErrors_OfREADMEAreTested(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), "## What to do on an error")
	table, _, _ = strings.Cut(table, "\n## ")
	listed := regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(table, -1)
	if len(listed) != len(rows) || listed[0][1] != "errors.Is(err, oauth2grant.ErrLoginRequired)" {
		t.Errorf("README lists %d errors, tested are %d; the first is %s", len(listed), len(rows), listed[0][1])
	}
	for _, row := range listed {
		if rows[row[1]] == nil {
			t.Errorf("%s is not tested", row[1])
		}
	}
}
