package oauth2grant_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// exampleServer stands for the authorization server and for the API: nothing
// here leaves the process.
func exampleServer() *granttest.Server {
	return granttest.New(granttest.Config{Issuer: "https://login.example.com", DeviceInterval: time.Second})
}

// A worker that acts for itself.
func ExampleClientCredentials() {
	srv, ctx := exampleServer(), context.Background()
	grant, err := oauth2grant.New(ctx, oauth2grant.ClientCredentials{}, oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: "https://login.example.com"},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		Scopes:     []string{"orders.read"},
		HTTPClient: srv.HTTPClient(), // leave it out where the server is a real one
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer grant.Close()

	header := http.Header{}
	if err := grant.PrepareRequest(ctx, header); err != nil {
		fmt.Println(err)
		return
	}
	token, err := grant.Token(ctx)
	fmt.Println(header.Get("Authorization") == "Bearer "+token.AccessToken, token.Scopes(), err)
	fmt.Println(srv.Count(granttest.Token), "token request")
	// Output:
	// true [orders.read] <nil>
	// 1 token request
}

// A legacy system that knows a user's password. It is sent once; afterwards the
// refresh token is.
func ExamplePassword() {
	srv, ctx := exampleServer(), context.Background()
	grant, err := oauth2grant.New(ctx, oauth2grant.Password{Username: "alice", Password: "wonderland"},
		oauth2grant.Config{
			Server:     oauth2grant.Server{Issuer: "https://login.example.com"},
			Auth:       oauth2grant.SecretBasic("client", "secret"),
			HTTPClient: srv.HTTPClient(),
		})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer grant.Close()

	fmt.Println(grant.EnsureActiveToken(ctx))
	_, err = grant.RefreshToken(ctx)
	fmt.Println(err)
	for _, request := range srv.Requests(granttest.Token) {
		fmt.Println(request.Form.Get("grant_type"))
	}
	// Output:
	// <nil>
	// <nil>
	// password
	// refresh_token
}

// A token that was obtained elsewhere, until its refresh token is gone.
func ExampleRefreshOnly() {
	srv, ctx := exampleServer(), context.Background()
	_, refreshToken, _ := srv.Issue("client", "alice")
	grant, err := oauth2grant.New(ctx, oauth2grant.RefreshOnly{}, oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: "https://login.example.com"},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		Token:      oauth2grant.Token{RefreshToken: refreshToken},
		HTTPClient: srv.HTTPClient(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer grant.Close()

	token, err := grant.Token(ctx)
	fmt.Println(err)

	srv.RevokeToken(token.RefreshToken) // the user withdraws the permission
	_, err = grant.RefreshToken(ctx)
	fmt.Println(errors.Is(err, oauth2grant.ErrLoginRequired), errors.Is(err, oauth2grant.InvalidGrant))
	fmt.Println(grant.Status().State)
	// Output:
	// <nil>
	// true true
	// login-required
}

// A command on a machine without a browser: the person signs in on another
// device.
func ExampleDeviceCode() {
	srv, ctx := exampleServer(), context.Background()
	flow := oauth2grant.DeviceCode{
		Prompt: func(_ context.Context, p oauth2grant.DevicePrompt) error {
			fmt.Println("open", p.VerificationURI, "and enter a code of", len(p.UserCode), "characters")
			return srv.ApproveDevice(p.UserCode, "alice") // the person does so
		},
	}
	grant, err := oauth2grant.New(ctx, flow, oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: "https://login.example.com"},
		Auth:       oauth2grant.Public("native"),
		HTTPClient: srv.HTTPClient(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer grant.Close()

	fmt.Println(grant.EnsureActiveToken(ctx))
	// Output:
	// open https://login.example.com/device and enter a code of 9 characters
	// <nil>
}

// A command that opens a browser, or something else in its place.
func ExampleAuthCode() {
	srv, ctx := exampleServer(), context.Background()
	flow := oauth2grant.AuthCode{
		Open: func(_ context.Context, authURL string) error {
			// The person says yes, and the browser follows the redirect.
			callback, err := srv.Approve(authURL, "alice")
			if err != nil {
				return err
			}
			res, err := http.Get(callback)
			if err != nil {
				return err
			}
			fmt.Println("the browser shows a page:", res.Status)
			return res.Body.Close()
		},
	}
	grant, err := oauth2grant.New(ctx, flow, oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: "https://login.example.com"},
		Auth:       oauth2grant.Public("native"),
		Scopes:     []string{"openid"},
		HTTPClient: srv.HTTPClient(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer grant.Close()

	token, err := grant.Token(ctx)
	fmt.Println(token.Scope, err)
	// Output:
	// the browser shows a page: 200 OK
	// openid <nil>
}

// firstOf tries one flow after the other: what the platform vouches for where
// it does, and else a secret.
type firstOf []oauth2grant.Flow

func (f firstOf) Run(ctx context.Context, c *oauth2grant.Client) (oauth2grant.Token, error) {
	var all []error
	for _, flow := range f {
		token, err := flow.Run(ctx, c)
		if err == nil {
			return token, nil
		}
		all = append(all, err)
	}
	return oauth2grant.Token{}, errors.Join(all...)
}

func (f firstOf) Interactive() bool {
	return slices.ContainsFunc(f, oauth2grant.Flow.Interactive)
}

// A flow of one's own needs two methods. It may be made of others.
func ExampleFlow() {
	srv, ctx := exampleServer(), context.Background()
	flow := firstOf{
		oauth2grant.JWTBearer{Assertion: func(context.Context) (string, error) {
			return "", errors.New("this machine has no identity")
		}},
		oauth2grant.ClientCredentials{},
	}
	grant, err := oauth2grant.New(ctx, flow, oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: "https://login.example.com"},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		HTTPClient: srv.HTTPClient(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer grant.Close()

	fmt.Println(grant.EnsureActiveToken(ctx))
	for _, request := range srv.Requests(granttest.Token) {
		fmt.Println(request.Form.Get("grant_type"))
	}
	// Output:
	// <nil>
	// client_credentials
}

// An http.Client that puts the token on every request.
func ExampleGrant_Transport() {
	srv, ctx := exampleServer(), context.Background()
	grant, err := oauth2grant.New(ctx, oauth2grant.ClientCredentials{}, oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: "https://login.example.com"},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		Origins:    []string{"https://api.example.com"},
		HTTPClient: srv.HTTPClient(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer grant.Close()

	// With nil instead of srv.Transport it is over http.DefaultTransport.
	client := &http.Client{Transport: grant.Transport(srv.Transport())}
	for _, target := range []string{"https://api.example.com/api/orders", "https://evil.example/api/orders"} {
		res, err := client.Get(target)
		if err != nil {
			fmt.Println("not sent")
			continue
		}
		fmt.Println(res.Status)
		_ = res.Body.Close()
	}
	// Output:
	// 200 OK
	// not sent
}

// A store lets a token outlive the process: the second grant needs no password.
func ExampleStore() {
	srv, ctx := exampleServer(), context.Background()
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	store := &fileStore{path: filepath.Join(folder, "token.json")}

	password := oauth2grant.Password{Username: "alice", Password: "wonderland"}
	for _, flow := range []oauth2grant.Flow{password, oauth2grant.RefreshOnly{}} {
		grant, err := oauth2grant.New(ctx, flow, oauth2grant.Config{
			Server:     oauth2grant.Server{Issuer: "https://login.example.com"},
			Auth:       oauth2grant.SecretBasic("client", "secret"),
			Store:      store,
			HTTPClient: srv.HTTPClient(),
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(grant.EnsureActiveToken(ctx), srv.Count(granttest.Token))
		_ = grant.Close()
	}
	// Output:
	// <nil> 1
	// <nil> 1
}
