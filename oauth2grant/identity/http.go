package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// askTime is how long an HTTP endpoint may take.
const askTime = 10 * time.Second

// Endpoint is an HTTP endpoint that answers with an assertion. It shows no
// secret when it is given to fmt or slog.
type Endpoint struct {
	// URL is asked by GET. It is https, or http to this machine.
	URL string

	// Header is sent with the request. It is not modified.
	Header http.Header

	// Member is the member of a JSON answer that is the assertion. If empty,
	// the whole answer is.
	Member string

	// HTTPClient, if not nil, has the RoundTripper to use; the rest of it is
	// not.
	HTTPClient *http.Client

	// InsecureAllowHTTP permits http:// beyond this machine. It is safe only
	// where nobody else can listen, or answer.
	InsecureAllowHTTP bool
}

// URL returns a Source that asks an HTTP endpoint; [Cache] applies. A redirect
// is not followed, an answer other than 200 is an error, and it all takes at
// most 10 s.
func URL(e Endpoint) Source {
	e.Header = e.Header.Clone()
	rt := roundTripper(e.HTTPClient, http.ProxyFromEnvironment)
	return Cache(func(ctx context.Context) (string, error) {
		u, err := url.Parse(e.URL)
		switch {
		case err != nil || u.Host == "":
			return "", errors.New("identity: the URL of the endpoint is not absolute")
		case u.Scheme == "https", u.Scheme == "http" && (e.InsecureAllowHTTP || isLoopback(u.Hostname())):
		default:
			return "", fmt.Errorf(
				"identity: the endpoint at %s is neither https nor on this machine: see InsecureAllowHTTP", u.Host)
		}
		return request{rt: rt, url: u, header: e.Header, member: e.Member}.ask(ctx)
	})
}

// String names the host.
func (e Endpoint) String() string {
	host := "unreadable URL"
	if u, err := url.Parse(e.URL); err == nil {
		host = u.Host
	}
	return fmt.Sprintf("Endpoint{%s}", host)
}

// Format implements fmt.Formatter: no verb shows a secret.
func (e Endpoint) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(e.String())) }

// LogValue implements slog.LogValuer.
func (e Endpoint) LogValue() slog.Value { return slog.StringValue(e.String()) }

// request is one to an endpoint.
type request struct {
	rt     http.RoundTripper
	url    *url.URL
	header http.Header
	member string
	hint   string                 // what to do if there is no usable answer
	by     func(http.Header) bool // whether the answer is from whom it should be; nil: whoever
}

// ask returns the assertion that the endpoint answers with.
func (r request) ask(parent context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(parent, askTime)
	defer cancel()
	failed := func(format string, args ...any) (string, error) {
		err := fmt.Errorf("identity: "+r.url.Host+": "+format, args...)
		if r.hint != "" {
			err = fmt.Errorf("%w; %s", err, r.hint)
		}
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url.String(), nil)
	if err != nil {
		return failed("the URL cannot be used")
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "go-oauth2grant")
	}
	res, err := r.rt.RoundTrip(req)
	if err != nil {
		return failed("%w", quiet(parent, ctx, err))
	}
	defer func() { _ = res.Body.Close() }()
	switch {
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return failed("a redirect (HTTP %d), which is not followed", res.StatusCode)
	case res.StatusCode != http.StatusOK:
		return failed("HTTP %d", res.StatusCode)
	case r.by != nil && !r.by(res.Header):
		return failed("the answer is not that of the metadata server")
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 2*longest))
	if err != nil {
		return failed("%w", quiet(parent, ctx, err))
	}
	if r.member != "" {
		var members map[string]json.RawMessage
		var value string
		if json.Unmarshal(body, &members) != nil || json.Unmarshal(members[r.member], &value) != nil {
			return failed("the answer is no JSON object with the string %q", r.member)
		}
		body = []byte(value)
	}
	return accept("the answer of "+r.url.Host, body, time.Now())
}

// quiet reduces an error of the network to what holds no secret.
func quiet(parent, ctx context.Context, err error) error {
	switch op := (*net.OpError)(nil); {
	case parent.Err() != nil:
		return parent.Err()
	case ctx.Err() != nil:
		return fmt.Errorf("no answer within %s: %w", askTime, ctx.Err())
	case errors.As(err, &op):
		return op
	}
	return fmt.Errorf("no usable HTTP answer (%T)", err)
}

// roundTripper returns that of a user's client, or one that keeps no
// connection.
func roundTripper(hc *http.Client, proxy func(*http.Request) (*url.URL, error)) http.RoundTripper {
	if hc != nil && hc.Transport != nil {
		return hc.Transport
	}
	return &http.Transport{
		Proxy: proxy, DisableKeepAlives: true, MaxResponseHeaderBytes: longest, ForceAttemptHTTP2: true,
		DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
	}
}

func isLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}
