package callbackserver

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

const formType = "application/x-www-form-urlencoded"

func TestHandler_RequestsThatDecideNothing(t *testing.T) {
	const state = "expected-state"
	right := "/callback?code=c&state=" + state
	for name, test := range map[string]struct {
		method, target, host, contentType, body string
		want                                    int
	}{
		"no parameters":                {target: "/callback", want: 400},
		"no state":                     {target: "/callback?code=c", want: 400},
		"an error without a state":     {target: "/callback?error=access_denied", want: 400},
		"an empty state":               {target: "/callback?code=c&state=", want: 400},
		"a wrong state":                {target: "/callback?code=c&state=wrong", want: 400},
		"the beginning of the state":   {target: "/callback?code=c&state=expected", want: 400},
		"the state and more":           {target: right + "x", want: 400},
		"the state in capitals":        {target: "/callback?code=c&state=EXPECTED-STATE", want: 400},
		"the state twice":              {target: right + "&state=" + state, want: 400},
		"the state and another":        {target: right + "&state=wrong", want: 400},
		"the code twice":               {target: right + "&code=d", want: 400},
		"an unknown parameter twice":   {target: right + "&x=1&x=1", want: 400},
		"the state under another name": {target: "/callback?code=c&State=" + state, want: 400},
		"a broken escape":              {target: right + "&x=%zz", want: 400},
		"a semicolon for a separator":  {target: "/callback?code=c;state=" + state, want: 400},
		"another path":                 {target: "/?code=c&state=" + state, want: 404},
		"a longer path":                {target: "/callback/?code=c&state=" + state, want: 404},
		"the favicon":                  {target: "/favicon.ico", want: 404},
		"a page that does not exist":   {target: "/callback/done/x", want: 404},
		"HEAD":                         {method: "HEAD", target: right, want: 405},
		"PUT":                          {method: "PUT", target: right, want: 405},
		"OPTIONS":                      {method: "OPTIONS", target: right, want: 405},
		"a foreign host":               {target: right, host: "attacker.example:PORT", want: 421},
		"our address on another port":  {target: right, host: "127.0.0.1:1", want: 421},
		"our address without the port": {target: right, host: "127.0.0.1", want: 421},
		"another loopback address":     {target: right, host: "127.0.0.2:PORT", want: 421},
		"a host that begins like ours": {target: right, host: "localhost.attacker.example:PORT", want: 421},
		"a form of another type": {
			method: "POST", target: "/callback", contentType: "text/plain", body: "code=c&state=" + state, want: 415,
		},
		"a form without a type": {
			method: "POST", target: "/callback", body: "code=c&state=" + state, want: 415,
		},
		"a multipart form": {
			method: "POST", target: "/callback", contentType: "multipart/form-data; boundary=x",
			body: "--x--", want: 415,
		},
		"a form with its state in the URL": {
			method: "POST", target: right, contentType: formType, body: "code=c", want: 400,
		},
		"an empty form at the right URL": {method: "POST", target: right, contentType: formType, want: 400},
		"a form with two states": {
			method: "POST", target: "/callback", contentType: formType,
			body: "code=c&state=wrong&state=" + state, want: 400,
		},
		"a form with a wrong state": {
			method: "POST", target: "/callback", contentType: formType, body: "code=c&state=wrong", want: 400,
		},
		"a form above the limit": {
			method: "POST", target: "/callback", contentType: formType,
			body: "code=c&state=" + state + "&x=" + strings.Repeat("x", maxBodyBytes), want: 413,
		},
		"the right answer at a page's path": {target: "/callback/done/?code=c&state=" + state, want: 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := listen(t, Config{}), newBrowser(t)
			s.Expect(state)
			req := request(t, test.method, at(t, s, test.target), test.body)
			if test.host != "" {
				req.Host = strings.ReplaceAll(test.host, "PORT", strconv.Itoa(portIn(t, s)))
			}
			if test.contentType != "" {
				req.Header.Set("Content-Type", test.contentType)
			}
			r := do(t, c, req)
			if r.status != test.want {
				t.Errorf("status %d, want %d", r.status, test.want)
			}
			if test.want == http.StatusMethodNotAllowed && r.header.Get("Allow") != "GET, POST" {
				t.Errorf("Allow is %q", r.header.Get("Allow"))
			}
			mustBeSecure(t, r.header)
			mustNotHold(t, r, state)
			mustStillExpect(t, c, s, state)
		})
	}
}

func TestHandler_HostsThatAreOurs(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	port := strconv.Itoa(portIn(t, s))
	for _, host := range []string{"127.0.0.1", "localhost", "LocalHost"} {
		s.Expect(host)
		req := request(t, http.MethodGet, s.RedirectURI()+"?code=c&state="+host, "")
		req.Host = net.JoinHostPort(host, port)
		if r := do(t, c, req); r.status != http.StatusSeeOther {
			t.Errorf("%s got status %d, want 303", req.Host, r.status)
		}
	}
}

func TestHandler_TheDefaultPortMayBeLeftOut(t *testing.T) {
	h := newHandler(settings{Config: Config{Path: defaultPath}},
		[]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:80"), netip.MustParseAddrPort("[::1]:80")}, nil)
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "[::1]": true, "localhost:80": true, "[::1]:80": true,
		"": false, "::1": false, "localhost:8080": false, "attacker.example": false,
	} {
		if got := h.isOurs(host); got != want {
			t.Errorf("%s: %v, want %v", host, got, want)
		}
	}
}

func TestHandler_AFormIsAnAnswer(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	s.Expect("s")
	req := request(t, http.MethodPost, s.RedirectURI()+"?code=from-the-URL", "code=from-the-form&state=s")
	req.Header.Set("Content-Type", formType+"; charset=utf-8")
	page := follow(t, c, s, do(t, c, req))
	if page.status != http.StatusOK {
		t.Errorf("page has status %d", page.status)
	}
	if got := waitFor(t, s, "s").Get("code"); got != "from-the-form" {
		t.Errorf("code %q, want the one of the form", got)
	}
}
