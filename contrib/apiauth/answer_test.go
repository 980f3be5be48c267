package apiauth_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/contrib/apiauth"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// ask makes one request with the token at hand, as a library would that puts it
// there itself.
func (w *world) ask(t *testing.T, a *apiauth.Auth, header string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.api, nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != "" {
		req.Header.Set(header, "1")
	}
	token, ok, err := a.Token(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if ok {
		req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	}
	res, err := w.net.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res
}

// ask401 makes a request without a token.
func (w *world) ask401(t *testing.T) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.api, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := w.net.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res
}

func TestAuth_Answer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := registering()
		cfg.ProtectedResource = &granttest.ProtectedResource{Requires: func(r *http.Request) []string {
			if r.Header.Get("X-Write") != "" {
				return []string{"write"}
			}
			return []string{"read"}
		}}
		w := newWorld(t, cfg)
		a := w.open(t)
		for i, header := range []string{"", "X-Write"} { // a first sign-in, then one with more scopes
			refusal := w.ask(t, a, header)
			if refusal.StatusCode == http.StatusOK {
				t.Fatal("there was no refusal")
			}
			if err := a.Answer(t.Context(), "", refusal); err != nil {
				t.Fatal(err)
			}
			if res := w.ask(t, a, header); res.StatusCode != http.StatusOK || int(w.tabs.Load()) != i+1 {
				t.Fatalf("got %d, %d tabs", res.StatusCode, w.tabs.Load())
			}
		}
		time.Sleep(2 * time.Hour)
		w.srv.ForgetClient(w.srv.Requests(granttest.Token)[0].ClientID)
		refusal := w.ask401(t)
		if err := a.Answer(t.Context(), "", refusal); err != nil || w.srv.Count(granttest.Register) != 2 {
			t.Fatalf("a forgotten registration: %v", err)
		}
	})
}

func TestAuth_AnswerRefusesWhatNoSignInChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, registering())
		a := w.open(t)
		w.want200(t, a)
		time.Sleep(time.Minute)
		res := w.ask(t, a, "")
		for status, challenge := range map[int]string{
			http.StatusForbidden:    `Bearer error="insufficient_scope", scope="read"`,
			http.StatusUnauthorized: `Basic realm="x"`,
			http.StatusNotFound:     ``,
		} {
			res.StatusCode, res.Header = status, http.Header{"Www-Authenticate": {challenge}}
			if err := a.Answer(t.Context(), "", res); !errors.Is(err, apiauth.ErrRefused) {
				t.Errorf("%d: got %v", status, err)
			}
		}
		if w.tabs.Load() != 1 {
			t.Errorf("%d tabs", w.tabs.Load())
		}
	})
}
