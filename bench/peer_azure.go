package bench

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

type azureSource struct {
	s    *server
	lead time.Duration
}

func (a azureSource) GetToken(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	t, err := a.s.issue(ctx)
	got := azcore.AccessToken{Token: t.value, ExpiresOn: t.expiry}
	if a.lead > 0 {
		got.RefreshOn = t.expiry.Add(-a.lead)
	}
	return got, err
}

// azure has no way to a token but a request through its policy.
type azure struct {
	plain
	bearer *runtime.BearerTokenPolicy
}

func openAzure(s *server, lead time.Duration) cache {
	a := azure{bearer: runtime.NewBearerTokenPolicy(azureSource{s, lead}, []string{"scope"}, nil)}
	through := a.transport(echo)
	a.plain = plain{func(ctx context.Context) (string, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, apiURL, nil)
		if err != nil {
			return "", err
		}
		res, err := through.RoundTrip(r) //nolint:bodyclose // it has none
		if err != nil {
			return "", err
		}
		return strings.TrimPrefix(res.Header.Get("Authorization"), "Bearer "), nil
	}}
	return a
}

// echo is an API that answers with the token it was sent.
var echo = roundTrip(func(r *http.Request) (*http.Response, error) {
	answer := *noContent
	answer.Header = http.Header{"Authorization": r.Header["Authorization"]}
	return &answer, nil
})

// azureTransport sends requests through the bearer policy alone.
type azureTransport struct{ pipeline runtime.Pipeline }

func (a azure) transport(base http.RoundTripper) http.RoundTripper {
	alone := runtime.NewPipeline("bench", "v0", runtime.PipelineOptions{
		PerRetry: []policy.Policy{a.bearer},
	}, &policy.ClientOptions{
		Transport: doer{base}, Retry: policy.RetryOptions{MaxRetries: -1},
		Telemetry: policy.TelemetryOptions{Disabled: true},
	})
	return azureTransport{alone}
}

func (a azureTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	out, err := runtime.NewRequest(r.Context(), r.Method, r.URL.String())
	if err != nil {
		return nil, err
	}
	for name, values := range r.Header {
		out.Raw().Header[name] = values
	}
	return a.pipeline.Do(out)
}

type doer struct{ base http.RoundTripper }

func (d doer) Do(r *http.Request) (*http.Response, error) { return d.base.RoundTrip(r) }
