package explore

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

const (
	endpointToken  = "https://auth.explore.example/token" //nolint:gosec // no credentials
	endpointRevoke = "https://auth.explore.example/revoke"
)

// lifetime is that of an access token.
const lifetime = 10 * time.Minute

// A request that was sent has to be waited for, whatever else ends: for
// patience, or for lastPatience once the grant has been closed.
const (
	patience     = 25 * time.Second
	lastPatience = 10 * time.Second
)

// issue is one answer of the server: an access token and a refresh token. The
// server rotates strictly, and ends the session when a refresh token comes
// back.
type issue struct {
	number int
	family *family
	next   *issue   // what the refresh token was traded for; nil: it is not spent
	by     *process // who asked for it; nil: it was there before
	lost   bool     // its answer did not arrive
	stored bool     // it has been in the store
	at     int      // the tick
	sent   int      // the tick in which the request began to be sent
}

// family is a session: a sign-in and everything it was refreshed to.
type family struct {
	number   int
	ended    bool // revoked, or a spent refresh token came back
	latest   *issue
	by       *process // who signed in; nil: it was there before
	began    int      // the tick in which the sign-in began
	obtained int      // the tick since which it is somebody's; 0: not yet
	saved    int      // the tick in which it was last written
	stored   int      // the tick since which the store has held it; 0: it never did
	untold   bool     // a save of it has succeeded, and failed to say so
}

func (i *issue) refreshToken() string { return fmt.Sprintf("refresh-%d", i.number) }
func (i *issue) accessToken() string  { return fmt.Sprintf("access-%d", i.number) }

func (i *issue) token() oauth2grant.Token {
	return oauth2grant.Token{
		AccessToken: i.accessToken(), RefreshToken: i.refreshToken(), TokenType: "Bearer",
		Expiry: time.Now().Add(lifetime).Round(0).UTC(),
	}
}

// server is the authorization server.
type server struct {
	issues   []*issue
	families []*family
}

func (s *server) signIn(by *process, began int) *issue {
	f := &family{number: len(s.families), by: by, began: began}
	s.families = append(s.families, f)
	return s.issue(f)
}

func (s *server) issue(f *family) *issue {
	i := &issue{number: len(s.issues) + 1, family: f}
	s.issues = append(s.issues, i)
	f.latest = i
	return i
}

// find returns the issue of an access or refresh token; nil: there is none.
func (s *server) find(token string) *issue {
	n := 0
	_, number, _ := strings.Cut(token, "-")
	for _, c := range []byte(number) {
		n = 10*n + int(c-'0')
	}
	if n < 1 || n > len(s.issues) {
		return nil
	}
	return s.issues[n-1]
}

// wire is the way of one process to the server.
type wire struct{ p *process }

func (r wire) RoundTrip(req *http.Request) (*http.Response, error) {
	defer func() { _ = req.Body.Close() }()
	ctx, w := req.Context(), r.p.w
	if req.URL.Path == "/revoke" {
		return r.revoke(req)
	}
	body, sending, err := r.read(ctx, req)
	if err != nil {
		return nil, err
	}
	status, answer := http.StatusOK, ""
	var issued *issue
	err = w.stop(ctx, &gate{p: r.p, op: opArrive, effect: func(m mode) error {
		if m == fails {
			status, answer = http.StatusServiceUnavailable, `{"error":"temporarily_unavailable"}`
			return nil
		}
		if issued = w.refresh(r.p, body.Get("refresh_token"), sending); issued == nil {
			status, answer = http.StatusBadRequest, `{"error":"invalid_grant"}`
			return nil
		}
		answer = fmt.Sprintf(`{"access_token":%q,"refresh_token":%q,"token_type":"Bearer","expires_in":%d}`,
			issued.accessToken(), issued.refreshToken(), int(lifetime/time.Second))
		return nil
	}})
	if err != nil {
		return nil, err
	}
	sent := time.Now()
	err = w.stop(ctx, &gate{p: r.p, op: opAnswer, effect: func(m mode) error {
		if m == loses {
			if issued != nil {
				issued.lost = true
			}
			return io.ErrUnexpectedEOF
		}
		return nil
	}, left: func() { w.givenUp(r.p, issued, time.Since(sent)) }})
	if err != nil {
		return nil, err
	}
	return respond(req, status, answer), nil
}

// read reads the body of a token request. It looks whether a refresh token is
// sent by somebody who does not hold the lock.
func (r wire) read(ctx context.Context, req *http.Request) (form url.Values, sent int, err error) {
	w := r.p.w
	var body []byte
	err = w.stop(ctx, &gate{p: r.p, op: opBody, effect: func(m mode) error {
		if m == fails {
			return &net.OpError{Op: "dial", Net: "tcp", Err: errFault}
		}
		return nil
	}})
	if err == nil {
		body, err = io.ReadAll(req.Body)
	}
	if err != nil {
		return nil, 0, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.db.holder != r.p && !w.over {
		w.fail("unlocked", "%s sends a refresh token without the lock", r.p)
	}
	form, err = url.ParseQuery(string(body))
	return form, w.tick(), err
}

func (r wire) revoke(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	err = r.p.w.stop(req.Context(), &gate{p: r.p, op: opRevoke, effect: func(m mode) error {
		if m == fails {
			return errFault
		}
		if i := r.p.w.server.find(form.Get("token")); i != nil {
			i.family.ended = true
		}
		if m == loses {
			return io.ErrUnexpectedEOF
		}
		return nil
	}})
	if err != nil {
		return nil, err
	}
	return respond(req, http.StatusOK, ""), nil
}

func respond(req *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: req,
	}
}

// auth authenticates a public client, slowly.
type auth struct{ p *process }

func (auth) ClientID() string { return "client" }

func (a auth) Authenticate(ctx context.Context, _ string, _ http.Header, form url.Values) error {
	form.Set("client_id", "client")
	if form.Has("token") {
		return nil // a revocation
	}
	return a.p.w.stop(ctx, &gate{p: a.p, op: opAuthenticate, effect: func(m mode) error {
		if m == fails {
			return errFault
		}
		return nil
	}})
}

// flow is a sign-in.
type flow struct{ p *process }

func (f flow) Interactive() bool { return f.p.w.scenario.Interactive }

func (f flow) Run(ctx context.Context, _ *oauth2grant.Client) (t oauth2grant.Token, err error) {
	w := f.p.w
	w.mu.Lock()
	began := w.tick()
	w.flowBegins(f.p)
	w.mu.Unlock()
	err = w.stop(ctx, &gate{p: f.p, op: opFlow, effect: func(m mode) error {
		if m == fails {
			return errFault
		}
		i := w.server.signIn(f.p, began)
		i.by, i.at = f.p, w.tick()
		t = i.token()
		return nil
	}})
	return t, err
}
