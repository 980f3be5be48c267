package callbackserver

import (
	"cmp"
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
	maxName        = 64
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
:root { color-scheme: light dark;
  --page: #f4f5f7; --card: #ffffff; --edge: #e2e5e9; --text: #1a1d21; --soft: #545b64;
  --good: #11703c; --good-tint: #e2f4e9; --bad: #b3261e; --bad-tint: #fce8e6; --idle: #545b64; --idle-tint: #eceef1; }
@media (prefers-color-scheme: dark) { :root {
  --page: #101215; --card: #191c20; --edge: #2b3037; --text: #eceef1; --soft: #a8b0ba;
  --good: #6fdc9b; --good-tint: #15301f; --bad: #ff9d94; --bad-tint: #3a1a18; --idle: #a8b0ba; --idle-tint: #262a30; } }
* { box-sizing: border-box; margin: 0; }
body { min-height: 100vh; min-height: 100dvh; display: grid; place-items: center; padding: 1.5rem;
  background: var(--page); color: var(--text); font: 1.0625rem/1.55 system-ui, sans-serif; }
main { width: 100%; max-width: 27rem; padding: 2.75rem 2rem 2.5rem; text-align: center; overflow-wrap: anywhere;
  background: var(--card); border: 1px solid var(--edge); border-radius: 1.25rem; box-shadow: 0 1rem 3rem #0000000f; }
svg { display: block; width: 4rem; height: 4rem; margin: 0 auto 1.5rem; padding: 1.125rem; border-radius: 50%;
  fill: none; stroke: currentColor; stroke-width: 2.75; stroke-linecap: round; stroke-linejoin: round; }
.good { color: var(--good); background: var(--good-tint); }
.bad { color: var(--bad); background: var(--bad-tint); }
.idle { color: var(--idle); background: var(--idle-tint); }
h1 { margin-bottom: .625rem; font-size: 1.5rem; line-height: 1.25; letter-spacing: -.01em; text-wrap: balance; }
p { color: var(--soft); text-wrap: balance; }
p + p { margin-top: .625rem; }
code { color: var(--text); font: .9375em ui-monospace, monospace; }
.next { margin-top: 1.5rem; padding-top: 1.5rem; border-top: 1px solid var(--edge); color: var(--text); }
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
<svg class="{{.Mark}}" viewBox="0 0 24 24" aria-hidden="true"><path d="` +
	`{{if eq .Mark "good"}}M4 12.5l5.5 5.5L20 6.5{{else if eq .Mark "bad"}}M6 6l12 12M18 6L6 18` +
	`{{else}}M12 5v8M12 18.5v.01{{end}}"/></svg>
<h1>{{.Title}}</h1>
{{with .Code}}<p>The server answered: <code>{{.}}</code></p>
{{end}}{{with .Text}}<p>{{.}}</p>
{{end}}<p class="next">{{.Next}}</p>
</main>
</body>
</html>
`))

// mark is the sign at the top of a page.
type mark string

const (
	good mark = "good" // an answer without an error has arrived
	bad  mark = "bad"  // one with an error has
	idle mark = "idle" // nothing has happened
)

// content is what one page says.
type content struct {
	Mark  mark
	Title string
	Code  string // that the authorization server gave as the error
	Text  string // one sentence about what happened
	Next  string // what to do now
}

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

// program returns what the pages call the program, within a sentence.
func (h *handler) program() string { return cmp.Or(h.name, "the program") }

// subject is the same at the beginning of a sentence.
func (h *handler) subject() string { return cmp.Or(h.name, "The program") }

func (h *handler) showSuccess(w http.ResponseWriter, _ *http.Request) {
	show(w, http.StatusOK, content{
		Mark:  good,
		Title: "Return to " + h.program(),
		Text:  h.subject() + " has received the answer to your sign-in.",
		Next:  "You can close this window.",
	})
}

func (h *handler) showFailure(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	show(w, http.StatusOK, content{
		Mark:  bad,
		Title: "Access was not granted",
		Code:  query.Get("error"),
		Text:  query.Get("error_description"),
		Next:  "You can close this window and return to " + h.program() + ".",
	})
}

func (h *handler) refuse(w http.ResponseWriter, status int) {
	c := content{
		Mark:  idle,
		Title: http.StatusText(status),
		Text: "This address takes the answer to a sign-in that " + h.program() + " has started on this computer. " +
			"Nothing has changed.",
		Next: "You can close this window.",
	}
	again := "Return to " + h.program() + " to start a new sign-in if you still need one."
	switch status {
	case http.StatusBadRequest:
		c.Title, c.Next = "No sign-in waits for this answer", again
		c.Text = "It may belong to an older sign-in, or have arrived before. Nothing has changed."
	case http.StatusGone:
		c.Title, c.Next = "This link has been used", again
		c.Text = "A link that starts a sign-in works only once. Nothing has changed."
	}
	show(w, status, c)
}
