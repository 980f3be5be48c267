package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
)

// GitHubActions returns a Source of the ID token of a GitHub Actions job, for
// an audience; an empty one is GitHub's default. Each is asked for anew, so no
// two are alike. The job needs the permission "id-token: write". If hc is not
// nil, its RoundTripper is used.
func GitHubActions(audience string, hc *http.Client) Source {
	rt := roundTripper(hc, http.ProxyFromEnvironment)
	return func(ctx context.Context) (string, error) {
		const from, with = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
		endpoint, secret := os.Getenv(from), os.Getenv(with)
		if endpoint == "" || secret == "" {
			return "", fmt.Errorf("identity: %s and %s are not set: "+
				"run in GitHub Actions, in a job with the permission id-token: write", from, with)
		}
		u, err := url.Parse(endpoint)
		if err != nil || u.Host == "" || u.Scheme != "https" && !isLoopback(u.Hostname()) {
			return "", errors.New("identity: " + from + " is not an https URL")
		}
		if audience != "" {
			query := u.Query()
			query.Set("audience", audience)
			u.RawQuery = query.Encode()
		}
		return request{
			rt: rt, url: u, member: "value",
			header: http.Header{"Authorization": {"Bearer " + secret}, "Accept": {"application/json"}},
		}.ask(ctx)
	}
}
