package identity

import (
	"context"
	"net/http"
	"net/url"
	"os"
)

// GoogleMetadata returns a Source of the ID token of the service account that a
// Google Cloud workload runs as, for an audience; [Cache] applies. It asks the
// metadata server, at the host in GCE_METADATA_HOST if that is set, and never
// through a proxy. If hc is not nil, its RoundTripper is used.
func GoogleMetadata(audience string, hc *http.Client) Source {
	rt := roundTripper(hc, nil)
	return Cache(func(ctx context.Context) (string, error) {
		host := os.Getenv("GCE_METADATA_HOST")
		if host == "" {
			host = "169.254.169.254"
		}
		return request{
			rt: rt,
			url: &url.URL{
				Scheme: "http", Host: host, Path: "/computeMetadata/v1/instance/service-accounts/default/identity",
				RawQuery: url.Values{"audience": {audience}, "format": {"full"}}.Encode(),
			},
			header: http.Header{"Metadata-Flavor": {"Google"}},
			by:     func(h http.Header) bool { return h.Get("Metadata-Flavor") == "Google" },
			hint:   "run on Google Cloud, as a service account",
		}.ask(ctx)
	})
}
