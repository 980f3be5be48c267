package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is a service with the authorization server and the API that it asks.
type running struct {
	url     string
	asked   chan struct{} // one for each token request, which then waits
	release chan struct{} // closed: token requests are answered
	stop    context.CancelFunc
	ended   chan error
}

func serve(t *testing.T) *running {
	t.Helper()
	r := &running{asked: make(chan struct{}, 100), release: make(chan struct{}), ended: make(chan error, 1)}
	auth := granttest.New(granttest.Config{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, string(granttest.Token)) {
			r.asked <- struct{}{}
			<-r.release
		}
		auth.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	auth.SetIssuer(server.URL)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.url = "http://" + listener.Addr().String()
	env := environment{
		issuer: server.URL, id: "client", secret: "secret", api: auth.URL(granttest.Resource) + "/orders",
		notice: 100 * time.Millisecond, patience: time.Minute,
	}
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	go func() { r.ended <- run(ctx, listener, env, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return r
}

// get returns the status of an answer, zero if there is none.
func (r *running) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, r.url+path, nil)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, ""
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

func TestService_DrainsWhatIsUnderWay(t *testing.T) {
	r := serve(t)
	<-r.asked // the first token is on its way, and nobody can be served yet
	if status, _ := r.get(t, "/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz without a token: %d", status)
	}
	answered := make(chan int, 1)
	go func() {
		status, _ := r.get(t, "/orders")
		answered <- status
	}()
	close(r.release)
	if status := <-answered; status != http.StatusOK {
		t.Errorf("/orders: %d", status)
	}
	if status, body := r.get(t, "/readyz"); status != http.StatusOK || !strings.Contains(body, `"state":"fresh"`) {
		t.Errorf("/readyz with a token: %d, %s", status, body)
	}
	if _, body := r.get(t, "/metrics"); !strings.Contains(body, "token_usable 1\ntoken_failures 0\n") {
		t.Errorf("/metrics: %s", body)
	}
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

func TestService_ServesARequestThatStillWaitsForATokenAfterTheSignal(t *testing.T) {
	r := serve(t)
	<-r.asked
	answered := make(chan int, 1)
	go func() {
		status, _ := r.get(t, "/orders")
		answered <- status
	}()
	for under := ""; !strings.Contains(under, "orders_under_way 1\n"); {
		_, under = r.get(t, "/metrics")
	}
	r.stop()
	for {
		if status, _ := r.get(t, "/readyz"); status == 0 {
			break // it takes no more requests
		}
	}
	close(r.release)
	if status := <-answered; status != http.StatusOK {
		t.Errorf("/orders while draining: %d", status)
	}
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

func TestEnvironment_NamesAllThatIsMissing(t *testing.T) {
	_, _, err := readEnvironment(func(name string) string {
		return map[string]string{"OAUTH_ISSUER": "https://login.example.test", "OAUTH_CLIENT_ID": "w"}[name]
	})
	var all interface{ Unwrap() []error }
	if !errors.As(err, &all) || len(all.Unwrap()) != 2 {
		t.Errorf("got %v, want one error for OAUTH_CLIENT_SECRET and one for API_URL", err)
	}
}
