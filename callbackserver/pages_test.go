package callbackserver

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestPages_LeadTheBrowserAwayFromTheCode(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	s.Expect("the-state")
	redirect := get(t, c, s.RedirectURI()+"?code=the-code&state=the-state")
	page := follow(t, c, s, redirect)
	if page.status != http.StatusOK {
		t.Fatalf("page has status %d", page.status)
	}
	for _, r := range []reply{redirect, page} {
		mustBeSecure(t, r.header)
		mustNotHold(t, r, "the-state")
		mustNotHold(t, r, "the-code")
	}
	if strings.Contains(strings.ToLower(page.body), "signed in") {
		t.Error("the page claims a sign-in before the code has been exchanged")
	}
	if again := follow(t, c, s, redirect); again.body != page.body {
		t.Error("a reload shows another page")
	}
}

func TestPages_EachBrowserSeesItsOwnOutcome(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	s.Expect("good")
	s.Expect("bad")
	bad := get(t, c, s.RedirectURI()+"?error=access_denied&error_description=No+thanks&state=bad")
	good := get(t, c, s.RedirectURI()+"?code=c&state=good")
	if page := follow(t, c, s, good); strings.Contains(page.body, "access_denied") {
		t.Error("the failure of one sign-in is shown to the other")
	}
	page := follow(t, c, s, bad)
	for _, want := range []string{"access_denied", "No thanks"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the failure page lacks %q", want)
		}
	}
	// What the URL of a page says is not shown: anybody can make such a link.
	forged := get(t, c, at(t, s, good.header.Get("Location"))+"?error=forged&error_description=forged")
	if strings.Contains(forged.body, "forged") {
		t.Error("a link decides what the page says")
	}
}

func TestPages_ForeignTextIsHarmless(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	s.Expect("s")
	hostile := url.Values{
		"state":             {"s"},
		"error":             {`"><script>alert(1)</script>` + strings.Repeat("x", 5000)},
		"error_description": {"<img src=x onerror=alert(1)>\x00\u202e" + strings.Repeat("y", 50000)},
	}
	page := follow(t, c, s, get(t, c, s.RedirectURI()+"?"+hostile.Encode()))
	for _, bad := range []string{"<script", "<img", "\x00", "\u202e"} {
		if strings.Contains(page.body, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if len(page.body) > 4096 {
		t.Errorf("the page has %d bytes", len(page.body))
	}
}

func TestPages_OfTheCallerSeeNeitherCodeNorState(t *testing.T) {
	seen := make(chan *http.Request, 1)
	own := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		_, _ = io.WriteString(w, "my own page")
	})
	for name, test := range map[string]struct {
		cfg    Config
		answer url.Values
		want   url.Values
	}{
		"success": {
			cfg:    Config{Success: own},
			answer: url.Values{"code": {"the-secret"}},
			want:   url.Values{},
		},
		"failure": {
			cfg:    Config{Failure: own},
			answer: url.Values{"error": {"access_denied"}, "error_description": {"no"}, "code": {"the-secret"}},
			want:   url.Values{"error": {"access_denied"}, "error_description": {"no"}},
		},
		"failure without a description": {
			cfg:    Config{Failure: own},
			answer: url.Values{"error": {"server_error"}},
			want:   url.Values{"error": {"server_error"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := listen(t, test.cfg), newBrowser(t)
			const state = "the-secret-state"
			s.Expect(state)
			test.answer.Set("state", state)
			callback := s.RedirectURI() + "?" + test.answer.Encode()
			req := request(t, http.MethodGet, at(t, s, get(t, c, callback).header.Get("Location"))+"?state="+state, "")
			req.Header.Set("Referer", callback)
			page := do(t, c, req)
			if page.status != http.StatusOK || page.body != "my own page" {
				t.Errorf("got %d %q", page.status, page.body)
			}
			mustBeSecure(t, page.header)

			r := within(t, seen)
			if got := r.URL.Query(); !maps.EqualFunc(got, test.want, slices.Equal) {
				t.Errorf("query %v, want %v", got, test.want)
			}
			for _, text := range []string{r.URL.String(), r.RequestURI, r.Referer(), r.Form.Encode()} {
				if strings.Contains(text, "the-secret") {
					t.Errorf("the handler sees %q", text)
				}
			}
		})
	}
}

func TestPages_OldOnesAreDropped(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	var first reply
	for i := range maxPages + 1 {
		state := strconv.Itoa(i)
		s.Expect(state)
		r := get(t, c, s.RedirectURI()+"?code=c&state="+state)
		if page := follow(t, c, s, r); page.status != http.StatusOK {
			t.Fatalf("page %d has status %d", i, page.status)
		}
		if i == 0 {
			first = r
		}
	}
	if page := follow(t, c, s, first); page.status != http.StatusNotFound {
		t.Errorf("the oldest page has status %d, want 404", page.status)
	}
}

func TestPages_AreFetchedByGETAlone(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	s.Expect("s")
	target := at(t, s, get(t, c, s.RedirectURI()+"?code=c&state=s").header.Get("Location"))
	r := do(t, c, request(t, http.MethodHead, target, ""))
	if r.status != http.StatusMethodNotAllowed || r.header.Get("Allow") != "GET" {
		t.Errorf("HEAD got %d, Allow %q", r.status, r.header.Get("Allow"))
	}
	if r := get(t, c, target); r.status != http.StatusOK {
		t.Errorf("GET after it got %d", r.status)
	}
}

func TestPages_AreAccessibleAndSelfContained(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	s.Expect("good")
	s.Expect("bad")
	for name, r := range map[string]reply{
		"success": follow(t, c, s, get(t, c, s.RedirectURI()+"?code=c&state=good")),
		"failure": follow(t, c, s, get(t, c, s.RedirectURI()+"?error=access_denied&state=bad")),
		"refusal": get(t, c, at(t, s, "/nothing")),
	} {
		for _, want := range []string{`<html lang="en">`, `<meta name="viewport"`, "<main>", "<h1>"} {
			if strings.Count(r.body, want) != 1 {
				t.Errorf("%s has %d of %s, want one", name, strings.Count(r.body, want), want)
			}
		}
		if !regexp.MustCompile(`<title>[^<]+</title>`).MatchString(r.body) {
			t.Errorf("%s has no title", name)
		}
		bad := regexp.MustCompile(`(?i)<(script|link|img|iframe|form|a)\b|https?:|\bon\w+=|style=|url\(`).
			FindString(r.body)
		if bad != "" {
			t.Errorf("%s holds %q", name, bad)
		}
		block := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(r.body)
		if block == nil {
			t.Fatalf("%s has no style", name)
		}
		sum := sha256.Sum256([]byte(block[1]))
		hash := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		if !strings.Contains(r.header.Get("Content-Security-Policy"), hash) {
			t.Errorf("the policy of %s does not allow its own style, %s", name, hash)
		}
	}
}

func TestPages_AreReadableInLightAndDark(t *testing.T) {
	themes := strings.Split(style, "@media (prefers-color-scheme: dark)")
	if len(themes) != 2 {
		t.Fatalf("%d themes, want light and dark", len(themes))
	}
	for i, theme := range []string{"light", "dark"} {
		colors := map[string]string{}
		for _, c := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6})`).FindAllStringSubmatch(themes[i], -1) {
			colors[c[1]] = c[2]
		}
		for _, pair := range [][2]string{
			{"text", "card"},
			{"soft", "card"},
			{"text", "page"},
			{"good", "good-tint"},
			{"bad", "bad-tint"},
			{"idle", "idle-tint"},
		} {
			a, b := luminance(t, colors[pair[0]]), luminance(t, colors[pair[1]])
			if contrast := (max(a, b) + 0.05) / (min(a, b) + 0.05); contrast < 4.5 {
				t.Errorf("%s: %s on %s has a contrast of %.1f, want at least 4.5", theme, pair[0], pair[1], contrast)
			}
		}
	}
}

func TestPages_NameTheProgramAndSayHowItWent(t *testing.T) {
	for name, test := range map[string]struct {
		program, path, mark string
		want, never         []string
	}{
		"success": {
			"Acme CLI", "?code=c&state=s", "good",
			[]string{"Return to Acme CLI", "Acme CLI has received", "close this window"},
			[]string{"signed in"},
		},
		"success without a name": {
			"", "?code=c&state=s", "good", []string{"Return to the program", "The program has received"}, nil,
		},
		"success of a hostile name": {
			"<b>\u202e\x1b" + strings.Repeat("x", 500), "?code=c&state=s", "good",
			[]string{"Return to &lt;b&gt;xxx"},
			[]string{"<b>", "\u202e", "\x1b", strings.Repeat("x", 65)},
		},
		"failure": {
			"Acme CLI", "?error=access_denied&error_description=No&state=s", "bad",
			[]string{"Access was not granted", "access_denied", "return to Acme CLI"},
			nil,
		},
		"another's answer": {
			"Acme CLI", "?code=c&state=other", "idle",
			[]string{"No sign-in waits", "Return to Acme CLI"},
			[]string{"other"},
		},
		"an unknown parent": {"Acme CLI", "/nothing", "idle", []string{"Not Found", "Acme CLI has started"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := listen(t, Config{Name: test.program}), newBrowser(t)
			s.Expect("s")
			r := get(t, c, s.RedirectURI()+test.path)
			if r.status == http.StatusSeeOther {
				r = follow(t, c, s, r)
			}
			for _, want := range append(test.want, `<svg class="`+test.mark+`"`, `aria-hidden="true"`) {
				if !strings.Contains(r.body, want) {
					t.Errorf("the page lacks %q:\n%s", want, r.body)
				}
			}
			for _, never := range test.never {
				if strings.Contains(r.body, never) {
					t.Errorf("the page holds %q", never)
				}
			}
		})
	}
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(t *testing.T, color string) float64 {
	t.Helper()
	rgb, err := strconv.ParseUint(color[1:], 16, 24)
	if err != nil {
		t.Fatal(err)
	}
	channel := func(shift int) float64 {
		v := float64(rgb>>shift&0xff) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(16) + 0.7152*channel(8) + 0.0722*channel(0)
}

func mustBeSecure(t *testing.T, h http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"Cache-Control":          "no-store",
		"Referrer-Policy":        "no-referrer",
		"X-Content-Type-Options": "nosniff",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	csp := h.Get("Content-Security-Policy")
	for _, want := range []string{
		"default-src 'none'", "style-src 'sha256-", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'",
	} {
		if !strings.Contains(csp, want) {
			t.Errorf("Content-Security-Policy %q lacks %q", csp, want)
		}
	}
}

func mustNotHold(t *testing.T, r reply, secret string) {
	t.Helper()
	if strings.Contains(r.body, secret) {
		t.Error("the body holds a secret")
	}
	for name, values := range r.header {
		if strings.Contains(name+strings.Join(values, ","), secret) {
			t.Errorf("header %s holds a secret", name)
		}
	}
}
