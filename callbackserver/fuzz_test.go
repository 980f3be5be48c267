package callbackserver

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func FuzzCallback(f *testing.F) {
	const state = "5A0Sy8nXQpPUhVwr"
	for _, query := range []string{
		"", "code=c", "code=c&state=" + state, "state=" + state + "&state=" + state, "state=" + state + "&state=",
		"error=access_denied&error_description=%3Cscript%3E&state=" + state, "state=%35A0Sy8nXQpPUhVwr&code=c",
		"code=c;state=" + state, "state=" + state + "&x=%", "State=" + state, "state[]=" + state,
		"&&state=" + state + "&&",
	} {
		f.Add(query, false)
		f.Add(query, true)
	}
	f.Fuzz(func(t *testing.T, query string, post bool) {
		a := newAnswers(t.Context())
		a.expect(state)
		h := newHandler(settings{Config: Config{Path: defaultPath}},
			[]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8080")}, a)

		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:8080/callback", nil)
		req.URL.RawQuery = query
		if post {
			req = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:8080/callback",
				strings.NewReader(query))
			req.Header.Set("Content-Type", formType)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)

		want := http.StatusBadRequest
		if hasExactly(query, state) {
			want = http.StatusSeeOther
		}
		if post && len(query) > maxBodyBytes {
			want = http.StatusRequestEntityTooLarge
		}
		if w.Code != want {
			t.Fatalf("status %d, want %d", w.Code, want)
		}
		answer := a.expected[state].values
		if decided := answer != nil; decided != (want == http.StatusSeeOther) {
			t.Fatalf("decided: %v, although the status is %d", decided, w.Code)
		}
		if strings.Contains(w.Body.String(), state) {
			t.Fatal("the body holds the state")
		}
		if answer.Get("error") != "" {
			page := httptest.NewRecorder()
			h.ServeHTTP(page, httptest.NewRequestWithContext(t.Context(), http.MethodGet,
				"http://127.0.0.1:8080"+w.Header().Get("Location"), nil))
			if page.Code != http.StatusOK ||
				strings.Count(page.Body.String(), "<") != strings.Count(page.Body.String(), ">") {
				t.Fatalf("failure page with status %d:\n%s", page.Code, page.Body)
			}
		}
	})
}

// hasExactly says whether encoded has each name once, and state with this
// value. It takes the query apart on its own, pair by pair.
func hasExactly(encoded, state string) bool {
	seen := make(map[string]string)
	for pair := range strings.SplitSeq(encoded, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, nameErr := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		_, repeated := seen[name]
		if nameErr != nil || valueErr != nil || repeated || strings.Contains(pair, ";") {
			return false
		}
		seen[name] = value
	}
	return seen["state"] == state
}
