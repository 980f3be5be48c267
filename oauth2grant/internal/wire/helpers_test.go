package wire

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

const endpoint = "https://as.test/token?tenant=tenant-secret"

// server answers every request, and counts them.
type server struct {
	requests atomic.Int64
	answer   func(n int64, req *http.Request) (*http.Response, error)
}

func (s *server) RoundTrip(req *http.Request) (*http.Response, error) {
	n := s.requests.Add(1)
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		_ = req.Body.Close()
	}
	res, err := s.answer(n, req)
	if res != nil {
		res.Request = req
	}
	return res, err
}

func (s *server) got(t *testing.T, want int64) {
	t.Helper()
	if n := s.requests.Load(); n != want {
		t.Fatalf("%d requests, want %d", n, want)
	}
}

func response(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Add(header[i], header[i+1])
	}
	return &http.Response{
		StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ProtoMajor: 1, ProtoMinor: 1,
	}
}

// always returns a server with one answer to everything.
func always(status int, body string, header ...string) *server {
	return &server{
		answer: func(int64, *http.Request) (*http.Response, error) { return response(status, body, header...), nil },
	}
}

// every secret of a request that sent makes.
const (
	codeSecret     = "code/of+the person"
	verifierSecret = "verifier-0123456789"
	longerSecret   = "verifier-0123456789-and-more"
	clientSecret   = "s3cr:t é/+"
	tenantSecret   = "tenant-secret"
)

// sent is a request with secrets at every place where one can be.
func sent() (Form, error) {
	pair := base64.StdEncoding.EncodeToString(
		[]byte(url.QueryEscape("client id") + ":" + url.QueryEscape(clientSecret)))
	return Form{
		Header: http.Header{"Authorization": {"Basic " + pair}},
		Values: url.Values{
			"grant_type": {"authorization_code"}, "client_id": {"client id"}, "code": {codeSecret},
			"code_verifier": {verifierSecret, longerSecret}, "x": {"abcdefg"},
		},
	}, nil
}

// secretsSent returns them in every form that an answer may repeat them in.
func secretsSent() []string {
	f, _ := sent()
	_, pair, _ := strings.Cut(f.Header.Get("Authorization"), " ")
	all := []string{pair}
	for _, s := range []string{codeSecret, verifierSecret, longerSecret, clientSecret, tenantSecret} {
		all = append(all, s, url.QueryEscape(s), url.PathEscape(s))
	}
	return all
}

func plain() (Form, error) {
	return Form{Values: url.Values{"grant_type": {"client_credentials"}}}, nil
}

// answerOf returns an answer as if it had come.
func answerOf(status int, body string) Answer {
	f, _ := sent()
	return Answer{Status: status, Header: http.Header{}, Body: []byte(body), sent: f}
}
