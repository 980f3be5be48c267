package main

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRun_RenewsAndReportsWhatItMeasured(t *testing.T) {
	const renewals = 2
	var out bytes.Buffer
	if err := run(t.Context(), &out, renewals); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	t.Logf("\n%s", &out)

	lines := regexp.MustCompile(`(?m)^ +\d+\.\d s  token (\d+), good for \d\.\d s, next refresh in \d\.\d s$`).
		FindAllSubmatch(out.Bytes(), -1)
	if len(lines) != renewals+1 {
		t.Errorf("%d tokens were announced, want %d", len(lines), renewals+1)
	}
	for i, l := range lines {
		if got := string(l[1]); got != strconv.Itoa(i+1) {
			t.Errorf("line %d announces token %s", i+1, got)
		}
	}
	figures := regexp.MustCompile(
		`(?m)^API calls +(\d+), refused (\d+)\ntoken requests +(\d+) at the server, for (\d+) tokens$`).
		FindSubmatch(out.Bytes())
	if figures == nil {
		t.Fatal("there are no figures")
	}
	var n [4]int
	for i, figure := range figures[1:] {
		n[i], _ = strconv.Atoi(string(figure))
	}
	if calls, refused := n[0], n[1]; calls <= len(lines) || refused != 0 {
		t.Errorf("%d calls, %d refused", calls, refused)
	}
	if requests, tokens := n[2], n[3]; requests != renewals+1 || tokens != requests {
		t.Errorf("%d requests for %d tokens, want %d", requests, tokens, renewals+1)
	}
}

func TestRun_InterruptedFails(t *testing.T) {
	interrupted := errors.New("interrupted")
	ctx, interrupt := context.WithCancelCause(t.Context())
	var out bytes.Buffer
	err := run(ctx, writerFunc(func(p []byte) (int, error) {
		if bytes.Contains(p, []byte("token 1,")) {
			interrupt(interrupted)
		}
		return out.Write(p)
	}), 1)
	if !errors.Is(err, interrupted) {
		t.Errorf("got %v\n%s", err, &out)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestJudge(t *testing.T) {
	good := figures{
		calls: 100, tokens: 3, tokenRequests: 3, firstPrepare: time.Second, slowestPrepare: time.Millisecond,
		slowestCall: time.Second,
	}
	for name, c := range map[string]struct {
		spoil func(*figures)
		off   bool
	}{
		"good figures pass":                              {func(*figures) {}, false},
		"a refused call is off":                          {func(f *figures) { f.refused = 1 }, true},
		"a renewal too few is off":                       {func(f *figures) { f.tokens, f.tokenRequests = 2, 2 }, true},
		"a token request without a token is off":         {func(f *figures) { f.tokenRequests++ }, true},
		"a call that waits for the token request is off": {func(f *figures) { f.waited = 1 }, true},
		"a slow Close is off":                            {func(f *figures) { f.close = closeLimit }, true},
		"a Close that fails is off":                      {func(f *figures) { f.closeErr = errors.New("leak") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := good
			c.spoil(&f)
			if err := f.judge(2); (err != nil) != c.off {
				t.Errorf("judge: %v", err)
			}
		})
	}
}

func TestAdd(t *testing.T) {
	var f figures
	f.add(60*time.Millisecond, 2*time.Millisecond, 200)
	f.add(3*time.Microsecond, 4*time.Millisecond, 401)
	f.add(2*time.Microsecond, time.Millisecond, 200)
	want := figures{
		calls: 3, refused: 1, firstPrepare: 60 * time.Millisecond, slowestPrepare: 3 * time.Microsecond,
		slowestCall: 4 * time.Millisecond,
	}
	if f != want {
		t.Errorf("got %+v\nwant %+v", f, want)
	}
}
