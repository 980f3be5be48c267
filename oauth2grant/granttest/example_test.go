package granttest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// A server that is down for one request, then answers.
func Example() {
	srv := granttest.New(granttest.Config{})
	srv.Script(granttest.Token, granttest.HTML(http.StatusBadGateway))
	client := srv.HTTPClient()

	var token struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	for range 2 {
		answer, err := client.PostForm(srv.URL(granttest.Token), url.Values{
			"grant_type": {"client_credentials"}, "client_id": {"client"}, "client_secret": {"secret"},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(answer.Status)
		_ = json.NewDecoder(answer.Body).Decode(&token)
		answer.Body.Close()
	}
	fmt.Println(token.ExpiresIn, srv.Active(token.AccessToken), srv.Count(granttest.Token))
	// Output:
	// 502 Bad Gateway
	// 200 OK
	// 3600 true 2
}

// A person signs in, without a browser.
func ExampleServer_Approve() {
	srv := granttest.New(granttest.Config{})
	authURL := srv.URL(granttest.Authorize) + "?" + url.Values{
		"response_type": {"code"}, "client_id": {"client"}, "redirect_uri": {"http://127.0.0.1/callback"},
		"state": {"af0ifjsldkj"},
	}.Encode()

	callback, err := srv.Approve(authURL, "alice")
	if err != nil {
		fmt.Println(err)
		return
	}
	u, err := url.Parse(callback)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(u.Host+u.Path, u.Query().Get("state"), u.Query().Get("iss"), u.Query().Has("code"))
	// Output:
	// 127.0.0.1/callback af0ifjsldkj https://auth.granttest.example true
}
