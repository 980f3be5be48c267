package oauth2grant_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestPassword_AWrongOneLocksNobodysAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g := open(t, oauth2grant.Password{Username: "alice", Password: "wrong"}, configFor(srv))
		for range 24 * 60 * 60 {
			if err := g.EnsureActiveToken(t.Context()); !errors.Is(err, oauth2grant.InvalidGrant) {
				t.Fatalf("got %v", err)
			}
			time.Sleep(time.Second)
		}
		if n := srv.Count(granttest.Token); n > 30 || n < 20 {
			t.Errorf("sent %d times in a day of calls", n)
		}
		srv.Reset()
		pass(24 * time.Hour)
		if n := srv.Count(granttest.Token); n != 0 {
			t.Errorf("sent %d times in a day without calls", n)
		}
	})
}

func TestPassword_CredentialsThatHaveChangedAreSentAtOnce(t *testing.T) {
	for name, c := range map[string]func(current *string) (oauth2grant.Flow, oauth2grant.ClientAuth, string){
		"of the client": func(current *string) (oauth2grant.Flow, oauth2grant.ClientAuth, string) {
			return oauth2grant.ClientCredentials{}, oauth2grant.SecretFunc("client", oauth2grant.MethodBasic,
				func(context.Context) (string, error) {
					return *current, nil
				}), "secret"
		},
		"of the user": func(current *string) (oauth2grant.Flow, oauth2grant.ClientAuth, string) {
			return oauth2grant.Password{Credentials: func(context.Context) (string, string, error) {
				return "alice", *current, nil
			}}, oauth2grant.SecretBasic("client", "secret"), "wonderland"
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{})
				cfg := configFor(srv)
				current := "wrong"
				flow, auth, right := c(&current)
				cfg.Auth = auth
				g := open(t, flow, cfg)
				for range 100 {
					err := g.EnsureActiveToken(t.Context())
					if oauth2grant.IsTransient(err) || isFailure(t, err).Code == "" {
						t.Fatalf("got %v", err)
					}
				}
				if n := srv.Count(granttest.Token); n != 1 {
					t.Errorf("the wrong one was sent %d times", n)
				}
				time.Sleep(time.Second) // it is looked at once a second
				current = "wrong too"
				if g.EnsureActiveToken(t.Context()) == nil || srv.Count(granttest.Token) != 2 {
					t.Error("another one was not tried")
				}
				time.Sleep(time.Second)
				current = right
				ensure(t, g)
			})
		})
	}
}

func TestClientAuth_ARefusalKeepsTheRefreshTokenAndNeverLeadsToTheFlow(t *testing.T) {
	for _, code := range []string{"invalid_client"} {
		t.Run(code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{Lifetime: lifetime})
				g := open(t, alice(), configFor(srv))
				token := tokenOf(t, g)
				srv.Break(granttest.Token, granttest.Error(401, code, ""))
				pass(time.Until(token.Expiry) + time.Hour)
				err := g.EnsureActiveToken(t.Context())
				wantIs(t, err, oauth2grant.Code(code))
				if errors.Is(err, oauth2grant.ErrLoginRequired) {
					t.Error("a person is asked to sign in")
				}
				srv.Heal(granttest.Token)
				pass(6 * maxBackOff)
				ensure(t, g)
				if got := grantTypes(srv); slices.Contains(got[1:], "password") {
					t.Errorf("the flow was run: %q", got)
				}
				if srv.ReuseDetected() != 0 ||
					last(t, srv, granttest.Token).Form.Get("refresh_token") != token.RefreshToken {
					t.Error("the refresh token was not kept")
				}
			})
		})
	}
}

func TestOnEvent_IsToldInOrderAndAfterWaitersAreReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{Lifetime: lifetime})
		srv.Script(granttest.Token, granttest.Fault{}, granttest.Fault{Status: 503}, granttest.Fault{Status: 502})
		cfg := configFor(srv)
		type event struct {
			kind    oauth2grant.EventKind
			op      string
			status  int
			token   oauth2grant.Token
			retries bool
		}
		var events []event
		var g *oauth2grant.Grant
		release := make(chan struct{})
		cfg.OnEvent = func(ctx context.Context, e oauth2grant.Event) {
			<-release
			if err := g.EnsureActiveToken(ctx); err != nil {
				t.Errorf("a receiver calls its own grant, which has a token: %v", err)
			}
			got := event{kind: e.Kind, op: e.Op, token: e.Token}
			if e.Err != nil {
				got.status = isFailure(t, e.Err).StatusCode
				got.retries = e.RetryIn >= minBackOff && e.RetryIn <= maxBackOff
			}
			events = append(events, got)
		}
		g = open(t, alice(), cfg)
		first := tokenOf(t, g) // although the receiver has not returned
		close(release)
		pass(lifetime - time.Minute)
		want := []event{
			{kind: oauth2grant.EventObtained, op: "password", token: first},
			{kind: oauth2grant.EventFailed, op: "refresh_token", status: 503, retries: true},
			{kind: oauth2grant.EventFailed, op: "refresh_token", status: 502, retries: true},
			{kind: oauth2grant.EventObtained, op: "refresh_token", token: tokenOf(t, g)},
		}
		if !slices.Equal(events, want) || first == want[3].token {
			t.Errorf("got %v, want %v", events, want)
		}
	})
}

func TestOnEvent_SaysZeroWhereTheBackgroundDoesNotTryAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := configFor(granttest.New(granttest.Config{}))
		var retries []time.Duration
		cfg.OnEvent = func(_ context.Context, e oauth2grant.Event) { retries = append(retries, e.RetryIn) }
		g := open(t, oauth2grant.Password{Username: "alice", Password: "wrong"}, cfg)
		_ = g.EnsureActiveToken(t.Context())
		synctest.Wait()
		if !slices.Equal(retries, []time.Duration{0}) || !g.Status().NextRefresh.IsZero() {
			t.Errorf("got %v, next %v", retries, g.Status().NextRefresh)
		}
	})
}

func TestFlow_MisbehavingLeavesNobodyHanging(t *testing.T) {
	type run = func(context.Context, *oauth2grant.Client) (oauth2grant.Token, error)
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		run         run
		interactive bool
		most        time.Duration // that a caller waits
		is          error
	}{
		"by ending its goroutine": {
			func(context.Context, *oauth2grant.Client) (oauth2grant.Token, error) { runtime.Goexit(); panic("") },
			false, 0, nil,
		},
		"by ending its goroutine, with a person": {
			func(context.Context, *oauth2grant.Client) (oauth2grant.Token, error) { runtime.Goexit(); panic("") },
			true, 0, nil,
		},
		"by giving neither a token nor an error": {
			func(context.Context, *oauth2grant.Client) (oauth2grant.Token, error) { return oauth2grant.Token{}, nil },
			false, 0, nil,
		},
		"by giving an error that is a nil pointer": {
			func(context.Context, *oauth2grant.Client) (oauth2grant.Token, error) {
				var none *oauth2grant.Error
				return oauth2grant.Token{}, none
			},
			false, 0, nil,
		},
		"by giving an error of its own": {func(context.Context, *oauth2grant.Client) (oauth2grant.Token, error) {
			return oauth2grant.Token{}, boom
		}, false, 0, boom},
		"by ignoring its context": {func(context.Context, *oauth2grant.Client) (oauth2grant.Token, error) {
			time.Sleep(time.Hour)
			return oauth2grant.Token{}, boom
		}, false, timeout + patience, nil},
		"by giving a token of a type " +
			"not of use": {func(context.Context, *oauth2grant.Client) (oauth2grant.Token, error) {
			return oauth2grant.Token{AccessToken: "A", TokenType: "mac"}, nil
		}, false, 0, nil},
		"by giving an error and a token " +
			"alongside": {func(context.Context, *oauth2grant.Client) (oauth2grant.Token, error) {
			return oauth2grant.Token{AccessToken: "A"}, boom
		}, false, 0, boom},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := open(t, flow{c.run, c.interactive}, configFor(granttest.New(granttest.Config{})))
				start := time.Now()
				atOnce(100, func(int) {
					err := g.EnsureActiveToken(t.Context())
					if err == nil || c.is != nil && !errors.Is(err, c.is) {
						t.Errorf("got %v", err)
					}
				})
				if waited := time.Since(start); waited > c.most {
					t.Errorf("waited %v", waited)
				}
			})
		})
	}
}

func TestFlow_CallingItsOwnGrantIsAnErrorAtOnce(t *testing.T) {
	for name, call := range map[string]func(context.Context, *oauth2grant.Grant) error{
		"EnsureActiveToken": func(ctx context.Context, g *oauth2grant.Grant) error { return g.EnsureActiveToken(ctx) },
		"Token": func(ctx context.Context, g *oauth2grant.Grant) error {
			_, err := g.Token(ctx)
			return err
		},
		"FetchToken": func(ctx context.Context, g *oauth2grant.Grant) error {
			_, err := g.FetchToken(ctx)
			return err
		},
		"RefreshToken": func(ctx context.Context, g *oauth2grant.Grant) error {
			_, err := g.RefreshToken(ctx)
			return err
		},
		"Revoke": func(ctx context.Context, g *oauth2grant.Grant) error { return g.Revoke(ctx) },
		"SetToken": func(ctx context.Context, g *oauth2grant.Grant) error {
			return g.SetToken(ctx, oauth2grant.Token{AccessToken: "A"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g, outer *oauth2grant.Grant
				run := func(ctx context.Context, _ *oauth2grant.Client) (oauth2grant.Token, error) {
					return oauth2grant.Token{AccessToken: "A"}, call(ctx, g)
				}
				g = open(t, flow{run: run}, configFor(granttest.New(granttest.Config{})))
				outer = open(t, flow{run: func(ctx context.Context, _ *oauth2grant.Client) (oauth2grant.Token, error) {
					return g.Token(ctx)
				}},
					configFor(granttest.New(granttest.Config{})))
				start := time.Now()
				for _, g := range []*oauth2grant.Grant{g, outer} {
					if err := g.EnsureActiveToken(t.Context()); err == nil || time.Since(start) > 0 {
						t.Errorf("got %v after %v", err, time.Since(start))
					}
				}
			})
		})
	}
}

func TestFlow_GrantsMayCallEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		inner := open(t, alice(), configFor(srv))
		outer := open(t, flow{run: func(ctx context.Context, _ *oauth2grant.Client) (oauth2grant.Token, error) {
			return inner.Token(ctx)
		}}, configFor(srv))
		if tokenOf(t, outer).AccessToken != tokenOf(t, inner).AccessToken {
			t.Error("another token")
		}
	})
}
