package main

import (
	"context"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oauth2grant/go-oauth2grant/contrib/apiauth"
	"github.com/oauth2grant/go-oauth2grant/examples/mcpsdk"
)

// converseBySDK is converse by the official Go SDK, which puts tokens on
// requests itself; but not proofs, so that with these it gets the RoundTripper.
func converseBySDK(ctx context.Context, auth *apiauth.Auth, api string, proves bool) error {
	client := mcp.NewClient(&mcp.Implementation{Name: "conformance", Version: "1.0.0"}, nil)
	transport := &mcp.StreamableClientTransport{Endpoint: api, DisableStandaloneSSE: true, MaxRetries: -1}
	if proves {
		transport.HTTPClient = auth.HTTPClient()
	} else {
		transport.OAuthHandler = mcpsdk.Handler{Auth: auth}
	}
	session, err := client.Connect(ctx, transport, nil)
	if err != nil {
		return err
	}
	defer session.Close()
	if _, err := session.ListTools(ctx, nil); err != nil {
		return err
	}
	for range 2 {
		tool := &mcp.CallToolParams{Name: "test-tool", Arguments: map[string]any{}}
		if _, err := session.CallTool(ctx, tool); err != nil {
			return err
		}
	}
	return nil
}
