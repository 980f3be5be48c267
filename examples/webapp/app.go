package main

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"

	"github.com/oauth2grant/go-oauth2grant/contrib/oidcverify"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

type app struct {
	client    *oauth2grant.Client
	verifier  *oidcverify.Verifier
	people    *people
	sessions  *sessions
	self, api string
}

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("POST /sign-in", a.signIn)
	mux.HandleFunc("GET /callback", a.callback)
	mux.HandleFunc("POST /sign-out", a.signOut)
	return http.NewCrossOriginProtection().Handler(mux)
}

// signIn sends the browser to the authorization server.
func (a *app) signIn(w http.ResponseWriter, r *http.Request) {
	begun, err := a.client.BeginAuthorization(r.Context(), a.self+"/callback", nil)
	if err != nil {
		fail(w, http.StatusBadGateway, "sign-in", err)
		return
	}
	a.sessions.begin(w, r, session{begun: begun}, signInTime)
	http.Redirect(w, r, begun.URL, http.StatusSeeOther)
}

// callback is where the browser comes back to.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	begun := a.sessions.take(r).begun // an answer counts once
	token, err := a.client.FinishAuthorization(r.Context(), begun, r.URL.Query())
	switch {
	case errors.Is(err, oauth2grant.AccessDenied):
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	case err != nil:
		fail(w, http.StatusBadRequest, "callback", err)
		return
	}
	// Who has signed in, and whether it was the request that this browser made.
	id, err := a.verifier.Verify(r.Context(), begun, token)
	if err == nil {
		err = a.people.signIn(r.Context(), id.Subject, token)
	}
	if err != nil {
		fail(w, http.StatusBadGateway, "callback", err)
		return
	}
	a.sessions.begin(w, r, session{subject: id.Subject, signedIn: token}, signedInTime)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) signOut(w http.ResponseWriter, r *http.Request) {
	s := a.sessions.take(r)
	to := "/"
	if s.subject != "" {
		// Where the server has a page for it, they are signed out there as
		// well.
		page, err := a.verifier.LogoutURL(r.Context(), s.signedIn, a.self+"/", "")
		switch {
		case err == nil:
			to = page
		case !errors.Is(err, errors.ErrUnsupported):
			slog.Error("sign out at the server", "error", err)
		}
		if err := a.people.signOut(r.Context(), s.subject); err != nil {
			slog.Error("sign out", "error", err) // they are signed out here all the same
		}
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// home shows the orders of whoever is signed in.
func (a *app) home(w http.ResponseWriter, r *http.Request) {
	var page struct{ Name, Orders string }
	if s := a.sessions.of(r); s.subject != "" {
		orders, err := a.orders(r.Context(), s.subject)
		switch {
		case errors.Is(err, oauth2grant.ErrLoginRequired): // the server ended it, or they signed out at another browser
			a.sessions.take(r)
		case err != nil:
			fail(w, http.StatusBadGateway, "orders", err)
			return
		default:
			page.Name, page.Orders = s.subject, orders
		}
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
	_ = homePage.Execute(w, page) // fails only when the browser has left
}

func (a *app) orders(ctx context.Context, subject string) (string, error) {
	grant := a.people.of(subject)
	if grant == nil {
		return "", oauth2grant.ErrLoginRequired
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.api, nil)
	if err != nil {
		return "", err
	}
	res, err := grant.HTTPClient().Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the API answers %s", res.Status)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return string(body), err
}

// fail tells the person that it failed, and the log why.
func fail(w http.ResponseWriter, status int, what string, err error) {
	slog.Error(what, "error", err)
	http.Error(w, "That did not work. Go back and try again.", status)
}

var homePage = template.Must(template.New("home").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Orders</title>
</head>
<body>
<main>
{{if .Name}}<h1>Orders of {{.Name}}</h1>
<pre>{{.Orders}}</pre>
<form method="post" action="/sign-out"><button>Sign out</button></form>
{{else}}<h1>Orders</h1>
<form method="post" action="/sign-in"><button>Sign in</button></form>
{{end}}</main>
</body>
</html>
`))
