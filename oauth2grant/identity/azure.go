package identity

import (
	"context"
	"net/http"
	"net/url"
	"os"
)

// AzureMetadata returns a Source of the token of the managed identity that an
// Azure workload runs as, for a resource, such as api://AzureADTokenExchange;
// [Cache] applies. An empty clientID is the identity that the system has
// assigned. It asks IDENTITY_ENDPOINT with IDENTITY_HEADER where they are set,
// as in App Service, Functions and Container Apps, and otherwise the metadata
// server of the virtual machine, never through a proxy. If hc is not nil, its
// RoundTripper is used.
func AzureMetadata(resource, clientID string, hc *http.Client) Source {
	rt := roundTripper(hc, nil)
	return Cache(func(ctx context.Context) (string, error) {
		query := url.Values{"resource": {resource}, "api-version": {"2018-02-01"}}
		if clientID != "" {
			query.Set("client_id", clientID)
		}
		r := request{
			rt: rt, member: "access_token", header: http.Header{"Metadata": {"true"}},
			url:  &url.URL{Scheme: "http", Host: "169.254.169.254", Path: "/metadata/identity/oauth2/token"},
			hint: "run on Azure, with a managed identity",
		}
		if endpoint, secret := os.Getenv("IDENTITY_ENDPOINT"), os.Getenv("IDENTITY_HEADER"); endpoint != "" &&
			secret != "" {
			u, err := url.Parse(endpoint)
			if err != nil || u.Host == "" {
				return "", errIdentityEndpoint
			}
			r.url, r.header = u, http.Header{"X-Identity-Header": {secret}}
			query.Set("api-version", "2019-08-01")
		}
		r.url.RawQuery = query.Encode()
		return r.ask(ctx)
	})
}
