package oauth2grant_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// A server that puts its token answers into the member "body" of another
// object, calls the client identifier "client_key", and names a token_type that
// nobody knows.
func ExampleDialect() {
	ctx := context.Background()
	grant, err := oauth2grant.New(ctx, oauth2grant.ClientCredentials{}, oauth2grant.Config{
		Server: oauth2grant.Server{TokenURL: "https://login.example.com/token"},
		Auth:   oauth2grant.SecretPost("key", "a-secret-of-the-client"),
		Scheme: "Bearer", // what its API expects, whatever the token_type says
		Dialect: oauth2grant.Dialect{
			Request: func(_ string, _ http.Header, form url.Values) {
				form["client_key"] = form["client_id"]
				form.Del("client_id")
			},
			Answer: func(_ string, _ int, body []byte) []byte {
				var envelope struct {
					Body json.RawMessage `json:"body"`
				}
				if json.Unmarshal(body, &envelope) == nil && bytes.HasPrefix(envelope.Body, []byte("{")) {
					return envelope.Body
				}
				return body // an error is left to the library
			},
		},
		// Leave HTTPClient out where the server is a real one.
		HTTPClient: scripted(func(_ *http.Request, form url.Values) (int, string) {
			if form.Get("client_key") != "key" {
				return http.StatusUnauthorized, `{"error":"invalid_client"}`
			}
			return http.StatusOK, `{"status":0,"body":{"access_token":"a-token","token_type":"user","expires_in":3600}}`
		}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer grant.Close()

	header := http.Header{}
	err = grant.PrepareRequest(ctx, header)
	fmt.Println(header.Get("Authorization"), err)
	// Output: Bearer a-token <nil>
}

// A server whose user info has no "sub".
func ExampleClient_UserInfo() {
	client, err := oauth2grant.NewClient(oauth2grant.Config{
		Server: oauth2grant.Server{
			TokenURL:     "https://login.example.com/token",
			UserInfoURL:  "https://api.example.com/user",
			SubjectClaim: "id",
		},
		Auth: oauth2grant.Public("my-app"),
		// Leave HTTPClient out where the server is a real one.
		HTTPClient: scripted(func(*http.Request, url.Values) (int, string) {
			return http.StatusOK, `{"login":"octocat","id":583231}`
		}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	person, err := client.UserInfo(context.Background(), "an-access-token")
	var login string
	_, _ = person.Extra("login", &login)
	fmt.Println(person.Subject, login, err)
	// Output: 583231 octocat <nil>
}
