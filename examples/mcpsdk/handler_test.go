package mcpsdk_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/contrib/apiauth"
	"github.com/oauth2grant/go-oauth2grant/examples/mcpsdk"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

var _ auth.OAuthHandler = mcpsdk.Handler{}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestHandler_SignsInOnceForAllSessions connects the SDK to its own server,
// behind an API that names its authorization server.
func TestHandler_SignsInOnceForAllSessions(t *testing.T) {
	srv := granttest.New(granttest.Config{
		ProtectedResource: &granttest.ProtectedResource{Scopes: []string{"read"}},
		Registration:      &granttest.Registration{},
	})
	server := mcp.NewServer(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "test"},
		func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, struct{}, error) {
			return &mcp.CallToolResult{}, struct{}{}, nil
		})
	sessions := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server },
		&mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true})
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api" {
			srv.ServeHTTP(w, r)
			return
		}
		check := httptest.NewRecorder()
		srv.ServeHTTP(check, &http.Request{Method: http.MethodGet, URL: r.URL, Header: r.Header, Body: http.NoBody})
		if check.Code == http.StatusOK {
			sessions.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", check.Header().Get("WWW-Authenticate"))
		w.WriteHeader(check.Code)
	}))
	defer listening.Close()
	srv.SetIssuer(listening.URL)

	signIn, err := apiauth.New(t.Context(), srv.URL(granttest.Resource), apiauth.Config{
		AllowInside: true, Flow: oauth2grant.AuthCode{Open: agree},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer signIn.Close()
	for range 3 {
		client := mcp.NewClient(&mcp.Implementation{Name: "agent", Version: "1"}, nil)
		session, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{
			Endpoint: srv.URL(granttest.Resource), OAuthHandler: mcpsdk.Handler{Auth: signIn},
			DisableStandaloneSSE: true,
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "test"}); err != nil {
			t.Error(err)
		}
		_ = session.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	if tabs, clients := srv.Count(granttest.Authorize), srv.Count(granttest.Register); tabs != 1 || clients != 1 {
		t.Errorf("%d tabs, %d registrations", tabs, clients)
	}
}

// agree is a person who agrees at once.
func agree(ctx context.Context, authURL string) error {
	u, err := url.Parse(authURL)
	if err != nil {
		return err
	}
	q := u.Query()
	q.Set("login_hint", "auto:alice")
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}
