package granttest

import (
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

var htmlHeader = http.Header{"Content-Type": {"text/html; charset=utf-8"}}

var choicesPage = template.Must(template.New("choices").Parse(`<!doctype html>
<title>{{.Title}}</title>
<h1>{{.Title}}</h1>
<ul>{{range .Choices}}
<li><a href="{{.URL}}">{{.Label}}</a></li>{{end}}
</ul>
`))

type choice struct{ Label, URL string }

// choices is a page where a person, or a browser under test, clicks on what to
// do: the same URL with a login_hint.
func (s *Server) choices(title string, u *url.URL, form url.Values) answer {
	link := func(hint string) string {
		query := maps.Clone(form)
		query.Set("login_hint", hint)
		return u.EscapedPath() + "?" + query.Encode()
	}
	var choices []choice
	for _, user := range slices.Sorted(maps.Keys(s.cfg.Users)) {
		choices = append(choices, choice{"Approve as " + user, link("auto:" + user)})
	}
	choices = append(choices, choice{"Deny", link("deny")})
	return page(choicesPage, struct {
		Title   string
		Choices []choice
	}{title, choices})
}

var postPage = template.Must(template.New("post").Parse(`<!doctype html>
<title>Signed in</title>
<body onload="document.forms[0].submit()">
<form method="post" action="{{.Action}}">{{range $name, $values := .Values}}{{range $values}}
<input type="hidden" name="{{$name}}" value="{{.}}">{{end}}{{end}}
<button>Continue</button>
</form>
`))

// selfPosting is the page of OAuth 2.0 Form Post Response Mode §2.
func selfPosting(action string, values url.Values) answer {
	a := page(postPage, struct {
		Action string
		Values url.Values
	}{action, values})
	a.code = values.Get("error")
	return a
}

func page(t *template.Template, data any) answer {
	var text strings.Builder
	if err := t.Execute(&text, data); err != nil {
		panic("granttest: " + err.Error())
	}
	return answer{status: http.StatusOK, header: htmlHeader, text: text.String()}
}
