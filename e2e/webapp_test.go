package e2e

import (
	"crypto/rand"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/e2e/internal/browser"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// webApplication signs people in at /sign-in, and takes the answer at
// /callback.
type webApplication struct {
	client *oauth2grant.Client
	self   string                             // its own origin
	spoil  func(a *oauth2grant.Authorization) // nil: nothing is wrong with the session

	mu       sync.Mutex
	sessions map[string]oauth2grant.Authorization
	tokens   []oauth2grant.Token
	failure  error
}

const sessionCookie = "session"

func startWebApplication(t *testing.T, s *authServer) *webApplication {
	t.Helper()
	c, err := oauth2grant.NewClient(s.config(web, personal...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	app := &webApplication{client: c, sessions: map[string]oauth2grant.Authorization{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sign-in", app.begin)
	mux.HandleFunc("GET /callback", app.finish)
	ts := httptest.NewServer(mux)
	t.Cleanup(ts.Close)
	app.self = ts.URL
	return app
}

func (app *webApplication) begin(w http.ResponseWriter, r *http.Request) {
	a, err := app.client.BeginAuthorization(r.Context(), app.self+"/callback", consent())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	id := rand.Text()
	app.mu.Lock()
	app.sessions[id] = a
	app.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: id, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, a.URL, http.StatusSeeOther)
}

func (app *webApplication) finish(w http.ResponseWriter, r *http.Request) {
	var id string
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		id = cookie.Value
	}
	app.mu.Lock()
	defer app.mu.Unlock()
	a := app.sessions[id]
	delete(app.sessions, id)
	if app.spoil != nil {
		app.spoil(&a)
	}
	token, err := app.client.FinishAuthorization(r.Context(), a, r.URL.Query())
	if err != nil {
		app.failure = err
		show(w, "Not signed in")
		return
	}
	who, err := app.client.UserInfo(r.Context(), token.AccessToken)
	if err != nil {
		app.failure = err
		show(w, "Unknown")
		return
	}
	app.tokens = append(app.tokens, token)
	show(w, "Hello "+who.Subject)
}

func show(w http.ResponseWriter, heading string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, "<!doctype html><title>app</title><h1>%s</h1>", html.EscapeString(heading))
}

// visits has the person start at the application.
func (p *person) visits(app *webApplication, then ...browser.Step) {
	p.t.Helper()
	if err := p.Do(append([]browser.Step{browser.Visit(app.self + "/sign-in")}, then...)...); err != nil {
		p.t.Fatal(err)
	}
}

func TestWebApp_APersonSignsIn(t *testing.T) {
	onEachAtOnce(t, settings{}, func(t *testing.T, s *authServer) {
		app, p := startWebApplication(t, s), newPerson(t, s.kind)
		p.visits(app, p.approves(bob), browser.Sees("Hello bob"))
		if len(app.tokens) != 1 {
			t.Fatalf("%d tokens", len(app.tokens))
		}
		// From here on it is a grant like any other.
		g := newGrant(t, oauth2grant.RefreshOnly{}, oauth2grant.Config{Client: app.client, Token: app.tokens[0]})
		if got := tokenOf(t, g); got != app.tokens[0] {
			t.Error("the grant holds another token")
		}
		next, err := g.RefreshToken(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.wantActive(t, "the token after a refresh", next.AccessToken)
	})
}

// TestWebApp_IsProtected by what it keeps in the session.
func TestWebApp_IsProtected(t *testing.T) {
	cases := []struct {
		name    string
		decides func(p *person) browser.Step
		spoil   func(a *oauth2grant.Authorization)
		want    error // nil: any
	}{
		{
			name: "against a code with another verifier", decides: func(p *person) browser.Step {
				return p.approves(alice)
			}, want: oauth2grant.InvalidGrant,
			spoil: func(a *oauth2grant.Authorization) { a.CodeVerifier = rand.Text() + rand.Text() },
		},
		{
			name: "against an answer with another state", decides: func(p *person) browser.Step {
				return p.approves(alice)
			},
			spoil: func(a *oauth2grant.Authorization) { a.State = rand.Text() },
		},
		{
			name: "against a session that is gone", decides: func(p *person) browser.Step { return p.approves(alice) },
			spoil: func(a *oauth2grant.Authorization) { *a = oauth2grant.Authorization{} },
		},
		{
			name: "against a person who says no", decides: func(*person) browser.Step { return browser.Press(no) },
			want: oauth2grant.AccessDenied,
		},
	}
	onEachAtOnce(t, settings{}, func(t *testing.T, s *authServer) {
		for _, tc := range cases {
			t.Run(tc.name, func(t *testing.T) {
				t.Parallel()
				app, p := startWebApplication(t, s), newPerson(t, s.kind)
				app.spoil = tc.spoil
				p.visits(app, tc.decides(p), browser.Sees("Not signed in"))
				if len(app.tokens) != 0 || app.failure == nil || tc.want != nil && !errors.Is(app.failure, tc.want) {
					t.Errorf("%d tokens, %v, want %v", len(app.tokens), app.failure, tc.want)
				}
			})
		}
	})
}
