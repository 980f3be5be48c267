package authserver

import (
	_ "embed"
	"html/template"
	"net/http"
)

//go:embed pages.html
var pagesHTML string

var pages = template.Must(template.New("").Parse(pagesHTML))

type signInPage struct {
	Action, Client, Login, Code string
	Scopes                      []string
	Device                      bool // Code is to be compared with the one on the device
	Wrong                       bool
}

type devicePage struct{ Typed string }

type messagePage struct{ Title, Text string }

func showMessage(w http.ResponseWriter, status int, title, text string) {
	show(w, status, "message", messagePage{title, text})
}

func show(w http.ResponseWriter, status int, page string, data any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; "+
		"frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(status)
	_ = pages.ExecuteTemplate(w, page, data)
}
