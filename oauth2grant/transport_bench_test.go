package oauth2grant_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// plainRequest makes a request for the API with n header fields.
func plainRequest(t testing.TB, n int) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, api+"/v1/things?x=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		r.Header.Set(fmt.Sprintf("X-Field-%d", i), "value")
	}
	return r
}

// answersAtOnce is an API that costs nothing.
func answersAtOnce() http.RoundTripper {
	answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody}
	return tripper(func(*http.Request) (*http.Response, error) { return answer, nil })
}

func TestTransport_AllocatesLittle(t *testing.T) {
	g := open(t, oauth2grant.ClientCredentials{}, configFor(granttest.New(granttest.Config{})))
	ensure(t, g)
	rt := g.Transport(answersAtOnce())
	// A map of more than eight has a directory and a table.
	for fields, most := range map[int]float64{0: 4, 6: 4, 7: 4, 14: 6} {
		r := plainRequest(t, fields)
		if n := testing.AllocsPerRun(runs, func() { _, _ = rt.RoundTrip(r) }); n > most {
			t.Errorf("a request with %d header fields allocates %v times", fields, n)
		}
	}
}

// BenchmarkTransport is what the transport adds to a request; "clone" is the
// price of http.Request.Clone and a header value alone.
func BenchmarkTransport(b *testing.B) {
	for _, fields := range []int{6, 14} {
		r, base := plainRequest(b, fields), answersAtOnce()
		b.Run(fmt.Sprintf("grant/%d", fields), func(b *testing.B) {
			rt := benchmarkGrant(b).Transport(base)
			for b.Loop() {
				_, _ = rt.RoundTrip(r)
			}
		})
		b.Run(fmt.Sprintf("clone/%d", fields), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				out := r.Clone(r.Context())
				out.Header["Authorization"] = []string{"Bearer x"}
				_, _ = base.RoundTrip(out)
			}
		})
	}
}
