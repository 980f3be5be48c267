package callbackserver

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"unicode"
)

// Lengths to which foreign text on a page is cut, in characters.
const (
	maxCode        = 64
	maxDescription = 300
)

// page is what one browser is sent to after its answer.
type page struct {
	id      string
	failure url.Values    // error and error_description; nil after a success
	gone    chan struct{} // closed when the browser has it
	fetched func()        // closes gone, once
}

func newPage(id string, values url.Values) *page {
	p := &page{id: id, gone: make(chan struct{})}
	p.fetched = sync.OnceFunc(func() { close(p.gone) })
	if values.Has("error") {
		p.failure = url.Values{"error": {printable(values.Get("error"), maxCode)}}
		if d := printable(values.Get("error_description"), maxDescription); d != "" {
			p.failure.Set("error_description", d)
		}
	}
	return p
}

// printable returns the first n printable characters of s.
func printable(s string, n int) string {
	var b strings.Builder
	for _, r := range s {
		if n == 0 {
			b.WriteString("…")
			break
		}
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			b.WriteRune(r)
			n--
		}
	}
	return b.String()
}

const style = `
:root { color-scheme: light dark; }
body { margin: 0; background: #ffffff; color: #1b1b1b; font: 1.125rem/1.5 system-ui, sans-serif; }
main { max-width: 36rem; margin: 0 auto; padding: 15vh 1.5rem 2rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; }
@media (prefers-color-scheme: dark) { body { background: #16181b; color: #ececec; } }
`

var policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
}()

var pageTemplate = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>` + style + `</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
{{with .Code}}<p>The server answered: <code>{{.}}</code></p>
{{end}}{{with .Description}}<p>{{.}}</p>
{{end}}<p>{{.Text}}</p>
</main>
</body>
</html>
`))

type content struct{ Title, Code, Description, Text string }

func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}

func show(w http.ResponseWriter, status int, c content) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = pageTemplate.Execute(w, c) // fails only when the browser has left
}

func showSuccess(w http.ResponseWriter, _ *http.Request) {
	show(w, http.StatusOK, content{
		Title: "Return to the program",
		Text:  "You can close this window.",
	})
}

func showFailure(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	show(w, http.StatusOK, content{
		Title:       "Access was not granted",
		Code:        query.Get("error"),
		Description: query.Get("error_description"),
		Text:        "You can close this window and return to the program.",
	})
}

func refuse(w http.ResponseWriter, status int) {
	show(w, status, content{
		Title: http.StatusText(status),
		Text:  "This address takes the answer to a sign-in that a program on this computer has started. No program waits for what came, and nothing has changed.",
	})
}
