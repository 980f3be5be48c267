package oauth2grant_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestReadPasted(t *testing.T) {
	answer := url.Values{"code": {"4/0A-x"}, "state": {"S"}}.Encode()
	for _, c := range []struct {
		name, text string
		answer     string // its parameters
		code       string // or a bare code; neither: refused
	}{
		{"an address", "http://127.0.0.1:4321/callback?" + answer, answer, ""},
		{"an address amid white space", " \t http://127.0.0.1:4321/callback?" + answer + "\r\n", answer, ""},
		{"an address in quotes", `"http://127.0.0.1:4321/callback?` + answer + `"`, answer, ""},
		{"an address in typographic quotes", "“http://127.0.0.1:4321/callback?" + answer + "”", answer, ""},
		{"an address in angle brackets", "<http://127.0.0.1:4321/callback?" + answer + ">", answer, ""},
		{"an address with marks that can't be seen", "\ufeffhttp://127.0.0.1/?" + answer + "\u200b", answer, ""},
		{"an address with a fragment", "https://app.example/cb?" + answer + "#_=_", answer, ""},
		{"an address of a private-use scheme", "com.example.app:/cb?" + answer, answer, ""},
		{"its query", answer, answer, ""},
		{"its query with the mark", "?" + answer, answer, ""},
		{"a refusal", "http://127.0.0.1/?error=access_denied&state=S", "error=access_denied&state=S", ""},
		{"a code", "4/0A-x", "", "4/0A-x"},
		{"a code as it stands in the address", "4%2F0A-x", "", "4/0A-x"},
		{"a code with a plus", "a+b", "", "a+b"},
		{"a code with a percent sign", "50%off", "", "50%off"},
		{"a code with padding", "'SplxlOBeZQQYbYS6WxSbIA=='", "", "SplxlOBeZQQYbYS6WxSbIA=="},
		{"a code with its name", "code=4%2F0A-x", "", "4/0A-x"},
		{"nothing", "", "", ""},
		{"white space", " \r\n", "", ""},
		{"a pair of quotes", `""`, "", ""},
		{"an address without an answer", "http://127.0.0.1/callback", "", ""},
		{"an address without a state", "http://127.0.0.1/callback?code=c", "", ""},
		{"an address without a code", "http://127.0.0.1/callback?state=S", "", ""},
		{"another address", "https://example.com/?x=1", "", ""},
		{"a broken query", "http://127.0.0.1/?code=%zz&state=S", "", ""},
		{"another parameter", "state=S", "", ""},
		{"prose", "I don't know", "", ""},
		{"a page", "<html><p>code</p></html>", "", ""},
		{"an escape sequence", "\x1b[2Jcode", "", ""},
		{"an encoded escape sequence", "%1b%5b2J", "", ""},
		{"too much", strings.Repeat("x", 17<<10), "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			response, code, err := oauth2grant.ReadPasted(c.text)
			if refused := c.answer == "" && c.code == ""; (err != nil) != refused {
				t.Fatalf("error is %v, want one: %v", err, refused)
			}
			if response.Encode() != c.answer || code != c.code {
				t.Errorf("got %v and code %q, want %q and %q", response, code, c.answer, c.code)
			}
		})
	}
}

func TestAuthCode_PasteAsksAgain(t *testing.T) {
	const old = "http://127.0.0.1:1/callback?code=old&state=of-another-sign-in"
	for _, c := range []struct {
		name     string
		pastes   []string // CALLBACK, QUERY and CODE are those of the sign-in
		problems []error  // that each further paste is told
		plain    bool     // the server does not promise to name itself
		want     error
	}{
		{"the address of the callback", []string{" CALLBACK\n"}, nil, false, nil},
		{"its query", []string{"QUERY"}, nil, false, nil},
		{"the bare code", []string{"CODE"}, nil, true, nil},
		{
			"the bare code where iss is promised",
			[]string{"CODE", "CALLBACK"},
			[]error{oauth2grant.ErrBadPaste},
			false, nil,
		},
		{"Enter", []string{"", "\n", "CALLBACK"}, []error{nil, nil}, false, nil},
		{"an old address", []string{old, "CALLBACK"}, []error{oauth2grant.ErrOtherState}, false, nil},
		{
			"an old address, then prose",
			[]string{old, "hm, what?", "\"CALLBACK\""},
			[]error{oauth2grant.ErrOtherState, oauth2grant.ErrBadPaste},
			false, nil,
		},
		{"a parameter twice", []string{"CALLBACK&code=x", "CALLBACK"}, []error{nil}, false, nil},
		{"another issuer, which ends it", []string{"CALLBACK&iss=x"}, nil, true, nil},
		{"a page that never ends", []string{"<html>"}, nil, false, oauth2grant.ErrBadPaste},
		{"an old address for ever", []string{old}, nil, false, oauth2grant.ErrOtherState},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv, cfg := signInServer(t, granttest.Config{})
			if c.plain {
				cfg.Server = oauth2grant.Server{
					AuthURL: srv.URL(granttest.Authorize), TokenURL: srv.URL(granttest.Token),
				}
			}
			opened := make(chan string, 1)
			var answer *strings.Replacer
			asked := 0
			g := newGrant(t, oauth2grant.AuthCode{
				Open: func(_ context.Context, authURL string) error { opened <- authURL; return nil },
				Paste: func(ctx context.Context) (string, error) {
					problem := oauth2grant.PasteProblem(ctx)
					if asked == 0 {
						answer = answers(t, srv, <-opened, c.plain)
					}
					if (asked == 0) != (problem == nil) {
						t.Errorf("paste %d is told %v", asked, problem)
					}
					i := asked - 1
					if i >= 0 && i < len(c.problems) && c.problems[i] != nil && !errors.Is(problem, c.problems[i]) {
						t.Errorf("paste %d is told %v, want %v", asked, problem, c.problems[i])
					}
					text := c.pastes[min(asked, len(c.pastes)-1)]
					asked++
					return answer.Replace(text), nil
				},
			}, cfg)
			err := g.EnsureActiveToken(t.Context())
			if strings.Contains(c.name, "another issuer") {
				if err == nil {
					t.Error("it was taken")
				}
				return
			}
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("error is %v, want %v", err, c.want)
			}
			want := len(c.pastes)
			if c.want == nil && asked != want || c.want != nil && asked != oauth2grant.MostPastes {
				t.Errorf("asked %d times, want %d", asked, want)
			}
		})
	}
}

// answers signs alice in, and stands for what she may paste.
func answers(t *testing.T, srv *granttest.Server, authURL string, withoutIssuer bool) *strings.Replacer {
	callback, err := srv.Approve(authURL, "alice")
	if err != nil {
		t.Error(err)
	}
	u, err := url.Parse(callback)
	if err != nil {
		t.Error(err)
	}
	query := u.Query()
	if withoutIssuer {
		query.Del("iss")
		u.RawQuery = query.Encode()
	}
	return strings.NewReplacer("CALLBACK", u.String(), "QUERY", u.RawQuery, "CODE", url.QueryEscape(query.Get("code")))
}

func TestAuthCode_PasteThatGivesUpLeavesTheLoopback(t *testing.T) {
	for name, paste := range map[string]func(context.Context) (string, error){
		"an error": func(context.Context) (string, error) {
			return "", errors.New("standard input is closed")
		},
		"nothing, as often as one asks": func(context.Context) (string, error) { return "", nil },
	} {
		t.Run(name, func(t *testing.T) {
			srv, cfg := signInServer(t, granttest.Config{})
			gaveUp := make(chan struct{})
			var browsing sync.WaitGroup
			defer browsing.Wait()
			asked := 0
			g := newGrant(t, oauth2grant.AuthCode{
				Open: func(ctx context.Context, authURL string) error {
					browsing.Go(func() {
						<-gaveUp
						if err := approve(srv)(context.WithoutCancel(ctx), authURL); err != nil {
							t.Error(err)
						}
					})
					return nil
				},
				Paste: func(ctx context.Context) (string, error) {
					text, err := paste(ctx)
					if asked++; err != nil || asked == oauth2grant.MostPastes {
						close(gaveUp)
					}
					return text, err
				},
			}, cfg)
			ensure(t, g)
		})
	}
}

func TestAuthCode_BareCodeNeedsPKCE(t *testing.T) {
	srv, cfg := signInServer(t, granttest.Config{})
	cfg.Server = oauth2grant.Server{AuthURL: srv.URL(granttest.Authorize), TokenURL: srv.URL(granttest.Token)}
	cfg.Auth, cfg.PKCE = oauth2grant.SecretBasic("client", "secret"), oauth2grant.PKCENone
	_, err := oauth2grant.AuthCode{
		Open:    func(context.Context, string) error { return nil },
		Paste:   func(context.Context) (string, error) { return "CODE-OF-THE-ATTACKER", nil },
		Timeout: time.Minute,
	}.Run(t.Context(), newClient(t, cfg))
	wantIs(t, err, oauth2grant.ErrBadPaste)
	if srv.Count(granttest.Token) != 0 {
		t.Error("the code was exchanged")
	}
}

func FuzzPasted(f *testing.F) {
	for _, seed := range []string{
		"http://127.0.0.1:4321/callback?code=C&state=S", "code=C&state=S", "?code=C&state=S", "  C \n", "4/0AX4XfWh",
		"https://x/?error=access_denied&state=S#frag", "http://127.0.0.1/callback", "", "a b", "<html>",
		"http://[::1]/?code=%zz&state=S", "code=C", "4%2F0A%zz", "\"C\"", "%1b%5b", "“C”", "a:b?c", "\x00", "?&",
		"SplxlOBeZQQYbYS6WxSbIA==",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		response, code, err := oauth2grant.ReadPasted(text)
		switch {
		case err != nil:
			if response != nil || code != "" {
				t.Fatal("an error and an answer")
			}
			if trimmed := strings.TrimSpace(text); len(trimmed) > 20 && strings.Contains(err.Error(), trimmed) {
				t.Fatal("the error quotes what was pasted")
			}
		case response != nil:
			if code != "" || !response.Has("state") || response.Get("code") == "" && response.Get("error") == "" {
				t.Fatalf("an answer that is none: %v", response)
			}
		case code == "" && strings.TrimSpace(text) != "":
			t.Fatal("neither an answer nor a code nor an error")
		case strings.ContainsFunc(code, func(r rune) bool { return r <= ' ' || r > '~' }):
			t.Fatalf("%q is not a code", code)
		case !strings.Contains(text, code) && !strings.Contains(text, "%"):
			t.Fatalf("%q was not pasted", code)
		}
	})
}
