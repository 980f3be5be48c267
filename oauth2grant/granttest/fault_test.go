package granttest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// transports are the two ways to reach a server.
var transports = map[string]func(*testing.T, *granttest.Server) *http.Client{
	"in memory": func(_ *testing.T, srv *granttest.Server) *http.Client { return srv.HTTPClient() },
	"over a socket": func(t *testing.T, srv *granttest.Server) *http.Client {
		t.Helper()
		ts := httptest.NewServer(srv)
		t.Cleanup(ts.Close)
		srv.SetIssuer(ts.URL)
		return ts.Client()
	},
}

func overEach(t *testing.T, f func(t *testing.T, srv *granttest.Server, hc *http.Client)) {
	for name, connect := range transports {
		t.Run(name, func(t *testing.T) {
			srv := granttest.New(granttest.Config{})
			f(t, srv, connect(t, srv))
		})
	}
}

// exchange sends a token request and reads the whole answer.
func exchange(
	t *testing.T, srv *granttest.Server, hc *http.Client, edit ...func(*http.Request),
) (*http.Response, string, error) {
	t.Helper()
	edit = append(edit, confidential)
	response, err := hc.Do(request(t, http.MethodPost, srv.URL(granttest.Token),
		"grant_type=client_credentials", edit...))
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response, string(text), err
}

func TestFault_AScriptIsPlayedInOrderThenBreakRules(t *testing.T) {
	overEach(t, func(t *testing.T, srv *granttest.Server, hc *http.Client) {
		srv.Break(granttest.Token, granttest.HTML(http.StatusBadGateway))
		srv.Script(granttest.Token, granttest.RetryAfter(http.StatusTooManyRequests, 1500*time.Millisecond),
			granttest.Fault{})
		srv.Script(granttest.Token, granttest.Error(http.StatusBadRequest, "invalid_grant", "gone"))
		want := func(status int, header, value, body string) {
			t.Helper()
			response, text, err := exchange(t, srv, hc)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != status || response.Header.Get(header) != value || !strings.Contains(text, body) {
				t.Errorf("answered %d %v %q", response.StatusCode, response.Header, text)
			}
		}
		want(http.StatusTooManyRequests, "Retry-After", "2", "")
		want(http.StatusOK, "Content-Type", "application/json", `"access_token"`)
		want(http.StatusBadRequest, "Content-Type", "application/json",
			`{"error":"invalid_grant","error_description":"gone"}`)
		want(http.StatusBadGateway, "Content-Type", "text/html; charset=utf-8", "Bad Gateway")
		want(http.StatusBadGateway, "Content-Type", "text/html; charset=utf-8", "Bad Gateway")
		srv.Script(granttest.Token, granttest.HTML(http.StatusTeapot))
		srv.Heal(granttest.Token)
		want(http.StatusOK, "Content-Type", "application/json", `"access_token"`)
		var codes []string
		for _, r := range srv.Requests() {
			codes = append(codes, r.Code)
		}
		if got := strings.Join(codes, ","); got != ",,invalid_grant,,," {
			t.Errorf("codes %s", got)
		}
	})
}

func TestFault_ARedirectAsksForTheSameRequestElsewhere(t *testing.T) {
	overEach(t, func(t *testing.T, srv *granttest.Server, hc *http.Client) {
		srv.Script(granttest.Token, granttest.Redirect(srv.URL("/elsewhere")))
		if _, _, err := exchange(t, srv, hc); err != nil {
			t.Fatal(err)
		}
		r := srv.Requests("/elsewhere")
		if len(r) != 1 || r[0].Method != http.MethodPost || r[0].Form.Get("grant_type") == "" {
			t.Errorf("log %v", r)
		}
	})
}

func TestFault_AConnectionBreaksBeforeAfterOrWithinTheAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		cut       granttest.Cut
		processed bool
		answered  bool
	}{
		"before": {granttest.CutBefore, false, false},
		"after":  {granttest.CutAfter, true, false},
		"within": {granttest.CutWithin, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			overEach(t, func(t *testing.T, srv *granttest.Server, hc *http.Client) {
				_, token, _ := srv.Issue("client", "alice")
				srv.Script(granttest.Token, granttest.Fault{Cut: c.cut})
				body := form("grant_type", "refresh_token", "refresh_token", token).Encode()
				response, err := hc.Do(request(t, http.MethodPost, srv.URL(granttest.Token), body, confidential))
				if (err == nil) != c.answered {
					t.Fatalf("got %v, %v", response, err)
				}
				if err == nil {
					text, readErr := io.ReadAll(response.Body)
					response.Body.Close()
					if !errors.Is(readErr, io.ErrUnexpectedEOF) || len(text) == 0 ||
						int64(len(text)) >= response.ContentLength {
						t.Errorf("read %q, %v", text, readErr)
					}
				}
				if srv.Active(token) == c.processed {
					t.Errorf("refresh token active: %v", srv.Active(token))
				}
				if status := srv.Requests(granttest.Token)[0].Status; (status == http.StatusOK) != c.processed {
					t.Errorf("logged status %d", status)
				}
			})
		})
	}
}

func TestFault_ACutInMemoryIsAnUnexpectedEOF(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	srv.Break(granttest.Token, granttest.Fault{Cut: granttest.CutAfter})
	if _, _, err := exchange(t, srv, srv.HTTPClient()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

func TestFault_AHugeBodyIsStreamed(t *testing.T) {
	overEach(t, func(t *testing.T, srv *granttest.Server, hc *http.Client) {
		srv.Script(granttest.Token, granttest.Fault{Size: 3 << 20})
		response, text, err := exchange(t, srv, hc)
		if err != nil || len(text) != 3<<20 || response.StatusCode != http.StatusOK || response.ContentLength != -1 {
			t.Errorf("%d bytes of %d, %v", len(text), response.ContentLength, err)
		}
		srv.Script(granttest.Token, granttest.Fault{Size: 1 << 60})
		response, err = hc.Do(request(t, http.MethodPost, srv.URL(granttest.Token), ""))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if _, err := io.CopyN(io.Discard, response.Body, 1<<20); err != nil {
			t.Error(err)
		}
	})
}

func TestFault_ABodyEndsWithItsContext(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	srv.Script(granttest.Token, granttest.Fault{Size: 64 << 20})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	response, err := srv.HTTPClient().Do(request(t, http.MethodPost, srv.URL(granttest.Token), "", withContext(ctx)))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	cancel()
	if _, err := io.Copy(io.Discard, response.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestFault_AHangEndsWithTheContextOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		srv.Break(granttest.Token, granttest.Fault{Hang: true})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() {
			_, _, err := exchange(t, srv, srv.HTTPClient(), withContext(ctx))
			ended <- err
		}()
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if len(ended) != 0 {
			t.Fatal("a day ended it")
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if r := srv.Requests(granttest.Token); len(r) != 1 || r[0].Status != 0 {
			t.Errorf("log %v", r)
		}
	})
}

func TestFault_AHangOverASocketEndsWhenTheClientLeaves(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	srv.Break(granttest.Token, granttest.Fault{Hang: true})
	arrived := make(chan struct{})
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		srv.ServeHTTP(w, r)
	}))
	srv.SetIssuer(ts.URL)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, _, err := exchange(t, srv, ts.Client(), withContext(ctx))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	ts.Close() // returns when the handler has
	if srv.Count(granttest.Token) != 1 {
		t.Errorf("%d requests", srv.Count(granttest.Token))
	}
}

func TestFault_DelaysPassInVirtualTimeAndEndWithTheContext(t *testing.T) {
	for name, c := range map[string]struct {
		fault     granttest.Fault
		processed bool
	}{
		"before processing": {granttest.Fault{Delay: time.Minute}, false},
		"after processing":  {granttest.Fault{DelayAnswer: time.Minute}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{})
				srv.Break(granttest.Token, c.fault)
				start := time.Now()
				if _, _, err := exchange(t, srv, srv.HTTPClient()); err != nil || time.Since(start) != time.Minute {
					t.Errorf("%v after %v", err, time.Since(start))
				}
				srv.Reset()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start = time.Now()
				_, _, err := exchange(t, srv, srv.HTTPClient(), withContext(ctx))
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
					t.Errorf("%v after %v", err, time.Since(start))
				}
				if status := srv.Requests()[0].Status; (status != 0) != c.processed {
					t.Errorf("logged status %d", status)
				}
			})
		})
	}
}

func TestTransport_ARequestWhoseContextHasEndedDoesNotArrive(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := exchange(t, srv, srv.HTTPClient(), withContext(ctx))
	if !errors.Is(err, context.Canceled) || srv.Count(granttest.Token) != 0 {
		t.Errorf("%v, %d requests", err, srv.Count(granttest.Token))
	}
}

func TestFault_AnAnswerCanBeEditedAndFormEncoded(t *testing.T) {
	overEach(t, func(t *testing.T, srv *granttest.Server, hc *http.Client) {
		calls := 0
		edit := func(answer map[string]any) {
			calls++
			answer["expires_in"] = "60"
			delete(answer, "token_type")
		}
		srv.Script(granttest.Token,
			granttest.Fault{Edit: edit},
			granttest.Fault{Edit: edit, Form: true, Header: http.Header{"dpop-nonce": {"n1"}}},
		)
		_, text, err := exchange(t, srv, hc)
		if err != nil || !strings.Contains(text, `"expires_in":"60"`) || strings.Contains(text, "token_type") {
			t.Errorf("%q, %v", text, err)
		}
		response, text, err := exchange(t, srv, hc)
		if err != nil {
			t.Fatal(err)
		}
		values, err := url.ParseQuery(text)
		if err != nil || !srv.Active(values.Get("access_token")) || values.Get("expires_in") != "60" {
			t.Errorf("%q, %v", text, err)
		}
		if response.Header.Get("Content-Type") != formType || response.Header.Get("DPoP-Nonce") != "n1" {
			t.Errorf("header %v", response.Header)
		}
		srv.Script(granttest.Token, granttest.Fault{Edit: edit})
		refused, err := hc.Do(request(t, http.MethodPost, srv.URL(granttest.Token), ""))
		if err != nil {
			t.Fatal(err)
		}
		refused.Body.Close()
		if calls != 2 {
			t.Errorf("Edit was called %d times, want twice: it is for successful answers", calls)
		}
	})
}

func TestFault_EndpointsBreakApart(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	access, _, _ := srv.Issue("client", "alice")
	srv.Break(granttest.Token, granttest.HTML(http.StatusServiceUnavailable))
	srv.Script("/nowhere", granttest.Fault{Body: "here"})
	wantCode(t, get(t, srv, srv.URL(granttest.Resource), bearer(access)), "")
	if a := get(t, srv, srv.URL("/nowhere")); a.Status != http.StatusOK || a.Text != "here" {
		t.Errorf("answered %d %q", a.Status, a.Text)
	}
}
