package callbackserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"testing"
)

func TestWait_KeepsAnAnswerThatCameEarlier(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	s.Expect("early")
	get(t, c, s.RedirectURI()+"?code=abc&state=early&iss=https%3A%2F%2Fas.example")
	got := waitFor(t, s, "early")
	want := url.Values{"code": {"abc"}, "state": {"early"}, "iss": {"https://as.example"}}
	if !maps.EqualFunc(got, want, func(a, b []string) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestWait_ReturnsAnAnswerThatComesLater(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	out := waiting(t.Context(), s, "late")
	get(t, c, s.RedirectURI()+"?code=abc&state=late")
	if r := within(t, out); r.err != nil || r.values.Get("code") != "abc" {
		t.Fatalf("got %v, %v", r.values, r.err)
	}
}

func TestWait_SeveralStatesGetTheirOwnAnswers(t *testing.T) {
	s := listen(t, Config{})
	var group sync.WaitGroup
	for i := range 20 {
		state := fmt.Sprintf("state-%d", i)
		out, c := waiting(t.Context(), s, state), newBrowser(t)
		group.Go(func() { get(t, c, s.RedirectURI()+"?code=for-"+state+"&state="+state) })
		group.Go(func() {
			if r := within(t, out); r.err != nil || r.values.Get("code") != "for-"+state {
				t.Errorf("%s got %v, %v", state, r.values, r.err)
			}
		})
	}
	group.Wait()
}

func TestWait_ASecondAnswerIsRefusedAndChangesNothing(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	s.Expect("once")
	get(t, c, s.RedirectURI()+"?code=first&state=once")
	if r := get(t, c, s.RedirectURI()+"?code=second&state=once"); r.status != http.StatusBadRequest {
		t.Errorf("second answer got status %d, want 400", r.status)
	}
	if got := waitFor(t, s, "once").Get("code"); got != "first" {
		t.Errorf("code %q, want the first", got)
	}
	if r := get(t, c, s.RedirectURI()+"?code=third&state=once"); r.status != http.StatusBadRequest {
		t.Errorf("third answer got status %d, want 400", r.status)
	}
}

func TestWait_NeverExpectsAnEmptyState(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	s.Expect("")
	for _, query := range []string{"", "?code=c", "?code=c&state="} {
		if r := get(t, c, s.RedirectURI()+query); r.status != http.StatusBadRequest {
			t.Errorf("%q got status %d, want 400", query, r.status)
		}
	}
	if _, err := s.Wait(t.Context(), ""); !errors.Is(err, ErrState) {
		t.Fatalf("got %v, want ErrState", err)
	}
}

func TestWait_OneStateHasOneWait(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	first := waiting(t.Context(), s, "shared")
	if _, err := s.Wait(t.Context(), "shared"); !errors.Is(err, ErrState) {
		t.Fatalf("second Wait got %v, want ErrState", err)
	}
	get(t, c, s.RedirectURI()+"?code=c&state=shared")
	if r := within(t, first); r.err != nil {
		t.Fatalf("first Wait got %v", r.err)
	}
}

func TestWait_ForgetsItsStateWhenItEnds(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	out := waiting(ctx, s, "given-up")
	cause := errors.New("the person pasted the code")
	cancel(cause)
	if r := within(t, out); !errors.Is(r.err, context.Canceled) || !errors.Is(r.err, cause) {
		t.Fatalf("got %v, want the context's error and its cause", r.err)
	}
	if r := get(t, c, s.RedirectURI()+"?code=c&state=given-up"); r.status != http.StatusBadRequest {
		t.Fatalf("answer got status %d, want 400", r.status)
	}
}

func TestWait_AnAnswerThatIsThereWinsOverAnEndedContext(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 { // select chooses at random
		s.Expect("kept")
		get(t, c, s.RedirectURI()+"?code=c&state=kept")
		if values, err := s.Wait(ctx, "kept"); err != nil || values.Get("code") != "c" {
			t.Fatalf("got %v, %v", values, err)
		}
	}
}

func TestWait_CancellationAtAnyMoment(t *testing.T) {
	for i := range 150 {
		life, endLife := context.WithCancel(t.Context())
		s, err := Listen(life, Config{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		c := newBrowser(t)

		var group sync.WaitGroup
		group.Go(func() {
			values, err := s.Wait(ctx, "s")
			switch {
			case err == nil && values.Get("code") == "c":
			case errors.Is(err, context.Canceled), errors.Is(err, ErrClosed):
			default:
				t.Errorf("got %v, %v", values, err)
			}
		})
		group.Go(func() {
			req := request(t, http.MethodGet, s.RedirectURI()+"?code=c&state=s", "")
			if resp, err := c.Do(req); err == nil {
				resp.Body.Close()
			}
			c.CloseIdleConnections()
		})
		for range i * 10 { // another moment each time
			runtime.Gosched()
		}
		switch i % 3 {
		case 0:
			cancel()
		case 1:
			endLife()
		case 2:
			group.Go(func() { s.Close() })
		}
		forgetPages(s)
		if err := s.Close(); err != nil {
			t.Errorf("Close returned %v", err)
		}
		group.Wait()
		cancel()
		endLife()
	}
}

func TestWait_SaysThatAnAnswerOfAnotherSignInCame(t *testing.T) {
	for name, test := range map[string]struct {
		query string
		want  bool
	}{
		"a code with another state":        {"?code=c&state=old", true},
		"an error with another state":      {"?error=access_denied&state=old", true},
		"a code without a state":           {"?code=c", false},
		"a state without a code":           {"?state=old", false},
		"a state repeated beside the code": {"?code=c&state=old&state=old", false},
		"nothing":                          {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := listen(t, Config{}), newBrowser(t)
			get(t, c, s.RedirectURI()+"?code=c&state=before") // which is no concern of the next Wait
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			out := waiting(ctx, s, "mine")
			get(t, c, s.RedirectURI()+test.query)
			cancel()
			err := within(t, out).err
			if errors.Is(err, ErrOtherState) != test.want || !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want ErrOtherState: %v", err, test.want)
			}
		})
	}
}
