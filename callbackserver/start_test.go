package callbackserver

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func TestStart_LeadsOneBrowserToTheTarget(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	const target = "https://as.example/authorize?state=the-state&scope=a%20b"
	link := s.Start(target)
	if strings.Contains(link, "the-state") || !strings.HasPrefix(link, "http://127.0.0.1:") {
		t.Fatalf("the link is %s", link)
	}
	if r := do(t, c, request(t, http.MethodHead, link, "")); r.status != http.StatusMethodNotAllowed ||
		r.header.Get("Allow") != "GET" {
		t.Errorf("HEAD got %d, Allow %q", r.status, r.header.Get("Allow"))
	}
	r := get(t, c, link)
	if r.status != http.StatusSeeOther || r.header.Get("Location") != target {
		t.Errorf("got %d to %q, want 303 to the target", r.status, r.header.Get("Location"))
	}
	mustBeSecure(t, r.header)
	again := get(t, c, link)
	if again.status != http.StatusGone || again.header.Get("Location") != "" ||
		!strings.Contains(again.body, "This link has been used") {
		t.Errorf("the second time got %d to %q", again.status, again.header.Get("Location"))
	}
	mustNotHold(t, again, "the-state")
}

func TestStart_RefusesWhatIsNoLink(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	link := s.Start("https://as.example/")
	foreign := request(t, http.MethodGet, link, "")
	foreign.Host = "attacker.example"
	for name, test := range map[string]struct {
		req  *http.Request
		want int
	}{
		"another nonce":     {request(t, http.MethodGet, link+"x", ""), http.StatusNotFound},
		"no nonce":          {request(t, http.MethodGet, at(t, s, "/start/"), ""), http.StatusNotFound},
		"a part of it":      {request(t, http.MethodGet, link[:len(link)-1], ""), http.StatusNotFound},
		"a foreign host":    {foreign, http.StatusMisdirectedRequest},
		"a form sent to it": {request(t, http.MethodPost, link, "x=1"), http.StatusMethodNotAllowed},
		"the path of a page": {
			request(t, http.MethodGet, strings.Replace(link, "/start/", "/callback/done/", 1), ""), http.StatusNotFound,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if r := do(t, c, test.req); r.status != test.want || r.header.Get("Location") != "" {
				t.Errorf("got %d to %q, want %d", r.status, r.header.Get("Location"), test.want)
			}
		})
	}
	if r := get(t, c, link); r.status != http.StatusSeeOther {
		t.Errorf("the link itself got %d afterwards", r.status)
	}
}

func TestStart_KeepsTheLatestLinks(t *testing.T) {
	s, c := listen(t, Config{Localhost: true}), newBrowser(t)
	links := make([]string, maxLinks+1)
	for i := range links {
		links[i] = s.Start("https://as.example/" + strconv.Itoa(i))
	}
	if r := get(t, c, links[0]); r.status != http.StatusNotFound {
		t.Errorf("the oldest got %d, want 404", r.status)
	}
	if r := get(t, c, links[1]); r.header.Get("Location") != "https://as.example/1" {
		t.Errorf("the next got %d to %q", r.status, r.header.Get("Location"))
	}
}
