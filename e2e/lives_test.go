package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// life is a grant, which is to get a token, refresh it, and revoke it.
type life struct {
	name   string
	auth   oauth2grant.ClientAuth
	scopes []string
	flow   func(t *testing.T, s *authServer) oauth2grant.Flow
}

var lives = []life{
	{"client credentials", worker, []string{"read"}, just(oauth2grant.ClientCredentials{})},
	{"password", web, offline, just(alice)},
	{"authorization code, public client", native, personal, atTheBrowser},
	{"authorization code, confidential client", web, personal, atTheBrowser},
	{"device code typed, public client", native, personal, atADevice(false)},
	{"device code in the link, confidential client", web, personal, atADevice(true)},
	{"refresh only", web, offline, just(oauth2grant.RefreshOnly{})},
}

func just(flow oauth2grant.Flow) func(*testing.T, *authServer) oauth2grant.Flow {
	return func(*testing.T, *authServer) oauth2grant.Flow { return flow }
}

func atTheBrowser(t *testing.T, s *authServer) oauth2grant.Flow {
	t.Helper()
	p := newPerson(t, s.kind)
	p.will(p.approves(alice), returns())
	return p.flow()
}

func atADevice(complete bool) func(*testing.T, *authServer) oauth2grant.Flow {
	return func(t *testing.T, s *authServer) oauth2grant.Flow {
		t.Helper()
		p := newPerson(t, s.kind)
		return p.deviceFlow(complete, p.connects(alice))
	}
}

var stages = []string{"get", "refresh", "revoke"}

// TestLives_OfEveryGrantOnEveryServer prints a table of servers × grants, and
// fails unless every cell of it says ok. Outside CI an empty cell, of a server
// that is not installed or a test that was not asked for, skips the test
// instead.
func TestLives_OfEveryGrantOnEveryServer(t *testing.T) {
	t.Parallel()
	var table cells
	t.Run("on", func(t *testing.T) { // returns when all have been tried
		for _, k := range kinds {
			t.Run(k.name, func(t *testing.T) {
				t.Parallel()
				s := k.start(t, settings{interval: pollEvery})
				for _, l := range lives {
					t.Run(l.name, func(t *testing.T) {
						t.Parallel()
						l.live(t, s, &table)
					})
				}
			})
		}
	})
	t.Log("\n" + table.String())
	table.check(t)
}

func (l life) live(t *testing.T, s *authServer, table *cells) {
	t.Helper()
	cfg := s.config(l.auth, l.scopes...)
	flow := l.flow(t, s)
	if _, seeded := flow.(oauth2grant.RefreshOnly); seeded {
		cfg.Token = s.signIn(t)
	}
	g := newGrant(t, flow, cfg)
	first := tokenOf(t, g)
	l.check(t, s, first)
	table.fill(t, s, l, "get")

	second, err := g.RefreshToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if second.AccessToken == first.AccessToken ||
		first.RefreshToken != "" && second.RefreshToken == first.RefreshToken {
		t.Error("the refresh brought nothing new")
	}
	s.wantActive(t, "the token after a refresh", second.AccessToken)
	table.fill(t, s, l, "refresh")

	if err := g.Revoke(t.Context()); err != nil {
		t.Error(err)
	}
	s.wantDead(t, "a revoked access token", second.AccessToken)
	if second.RefreshToken != "" {
		s.wantDead(t, "a revoked refresh token", second.RefreshToken)
	}
	if got := g.Status(); got.State != oauth2grant.StateEmpty {
		t.Errorf("after Revoke the state is %v", got.State)
	}
	table.fill(t, s, l, "revoke")
}

// check asks the server whose token it is.
func (l life) check(t *testing.T, s *authServer, token oauth2grant.Token) {
	t.Helper()
	got := s.inspect(t, token.AccessToken)
	if !got.Active || got.ClientID != l.auth.ClientID() {
		t.Errorf("the server says active %t, client %q", got.Active, got.ClientID)
	}
	if isPersonal := token.RefreshToken != ""; isPersonal != (got.Subject == "alice") {
		t.Errorf("the server says it is %q's", got.Subject)
	}
	if wanted := slices.Contains(l.scopes, "openid"); wanted != (token.IDToken != "") {
		t.Errorf("there is an ID token: %t", !wanted)
	}
}

// cells of the table, by server, grant and stage.
type cells struct{ sync.Map }

// fill writes one cell.
func (c *cells) fill(t *testing.T, s *authServer, l life, stage string) {
	t.Helper()
	verdict := "ok"
	if t.Failed() {
		verdict = "failed"
	}
	c.Store(s.kind+l.name+stage, verdict)
}

func (c *cells) at(kind string, l life, stage string) string {
	verdict, _ := c.Load(kind + l.name + stage)
	text, _ := verdict.(string)
	return text
}

func (c *cells) check(t *testing.T) {
	t.Helper()
	for _, k := range kinds {
		for _, l := range lives {
			for _, stage := range stages {
				switch got := c.at(k.name, l, stage); {
				case got == "ok":
				case got == "" && partial():
				default:
					t.Errorf("%s on %s, %s: %q", l.name, k.name, stage, got)
				}
			}
		}
	}
}

// String returns a line for each grant.
func (c *cells) String() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, k := range kinds {
		for _, stage := range stages {
			fmt.Fprintf(w, "\t%s %s", k.name, stage)
		}
	}
	fmt.Fprintln(w)
	for _, l := range lives {
		fmt.Fprint(w, l.name)
		for _, k := range kinds {
			for _, stage := range stages {
				fmt.Fprintf(w, "\t%s", c.at(k.name, l, stage))
			}
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	return text.String()
}
