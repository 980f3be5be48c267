package apiauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/oauth2grant/go-oauth2grant/internal/challenge"
	"github.com/oauth2grant/go-oauth2grant/internal/weburl"
)

var (
	// ErrMetadata says that what the API says of itself cannot be used; the
	// error that wraps it says why.
	ErrMetadata = errors.New("apiauth: the metadata of the API")

	errNoMetadata = errors.New("apiauth: the API has no metadata")
)

// demand is what a 401 or a 403 says (RFC 6750 §3, RFC 9728 §5.1).
type demand struct {
	metadata string
	scopes   []string
	code     string
}

const insufficientScope = "insufficient_scope"

// read returns what a response demands, and reports whether it is about access
// tokens at all: a 401 that names no scheme may be.
func read(res *http.Response) (d demand, about bool) {
	all := challenge.Read(res.Header.Values("WWW-Authenticate"))
	for _, c := range all {
		if c.Scheme != "bearer" && c.Scheme != "dpop" {
			continue
		}
		about = true
		if d.metadata == "" {
			d.metadata = c.Params["resource_metadata"]
		}
		if d.code == "" {
			d.code = c.Params["error"]
		}
		d.scopes = union(d.scopes, scopeTokens(strings.Fields(c.Params["scope"])))
	}
	return d, about || len(all) == 0
}

// resource is the metadata of an API (RFC 9728 §2).
type resource struct {
	Resource string
	Servers  []string
	Scopes   []string
}

// maxServers is how many of the servers that an API names are looked at.
const maxServers = 16

// resource fetches the metadata of the API: from where its challenge says, or
// else from the places of RFC 9728 §3.1, with and without the path of the API.
// The error is errNoMetadata, or wraps ErrMetadata.
func (a *Auth) resource(ctx context.Context, d demand) (resource, error) {
	places := []string{d.metadata}
	if d.metadata == "" {
		places = wellKnown(a.api)
	}
	for _, place := range places {
		r, err := a.resourceAt(ctx, place)
		if !errors.Is(err, errNoMetadata) {
			return r, err
		}
	}
	if d.metadata != "" {
		return resource{}, fmt.Errorf("%w is not where its challenge says", ErrMetadata)
	}
	return resource{}, errNoMetadata
}

func wellKnown(api *url.URL) []string {
	const place = "/.well-known/oauth-protected-resource"
	origin := api.Scheme + "://" + api.Host
	if path := strings.TrimSuffix(api.EscapedPath(), "/"); path != "" {
		return []string{origin + place + path, origin + place}
	}
	return []string{origin + place}
}

func (a *Auth) resourceAt(ctx context.Context, place string) (resource, error) {
	if u, err := url.Parse(place); err != nil || a.guard.check(u) != nil {
		if err == nil {
			err = a.guard.check(u)
		} else {
			err = errors.New("its address is no URL")
		}
		return resource{}, fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	status, body, err := a.fetch(ctx, http.MethodGet, place, "", nil)
	switch {
	case err != nil:
		return resource{}, fmt.Errorf("%w: %w", ErrMetadata, err)
	case status/100 == 4:
		return resource{}, errNoMetadata
	case status != http.StatusOK:
		return resource{}, fmt.Errorf("%w: HTTP status %d", ErrMetadata, status)
	}
	var raw struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
		Scopes   []string `json:"scopes_supported"`
	}
	if json.Unmarshal(body, &raw) != nil {
		return resource{}, fmt.Errorf("%w is not a JSON object that can be read", ErrMetadata)
	}
	if err := a.covers(raw.Resource); err != nil {
		return resource{}, err
	}
	return resource{raw.Resource, raw.Servers[:min(len(raw.Servers), maxServers)], scopeTokens(raw.Scopes)}, nil
}

// covers returns why a resource is not the API, nil if it is: its URL, its
// origin, or a path above it (RFC 9728 §3.3).
func (a *Auth) covers(name string) error {
	u, err := url.Parse(name)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return fmt.Errorf("%w names no resource", ErrMetadata)
	}
	path, whole := strings.TrimSuffix(u.EscapedPath(), "/"), a.api.EscapedPath()
	below := path == strings.TrimSuffix(whole, "/") || strings.HasPrefix(whole, path+"/")
	if originOf(u) != a.origin || !below || u.RawQuery != "" && u.RawQuery != a.api.RawQuery ||
		strings.Contains(path, "..") {
		return fmt.Errorf("%w is that of another resource, at %s", ErrMetadata, u.Hostname())
	}
	return nil
}

// choose returns the authorization server to use: the present one where it is
// still named, else one that the user has a client for, else the first that is
// acceptable.
func (a *Auth) choose(r resource, present string) (string, error) {
	if present != "" && slices.Contains(r.Servers, present) {
		return present, nil
	}
	why := errors.New("it names no authorization server")
	first := ""
	for _, issuer := range r.Servers {
		if _, ours := a.cfg.Clients[issuer]; ours && issuer != "" {
			return issuer, nil
		}
		u, err := weburl.Check(issuer, false)
		if err == nil {
			err = a.guard.check(u)
		}
		if err != nil {
			why = fmt.Errorf("the authorization server that it names: %w", err)
			continue
		}
		if first == "" {
			first = issuer
		}
	}
	if first == "" {
		return "", fmt.Errorf("%w: %w", ErrMetadata, why)
	}
	return first, nil
}

// fetch makes one request of its own through the guard: JSON in, JSON out.
func (a *Auth) fetch(ctx context.Context, method, to, bearer string, in any) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return 0, nil, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, to, body)
	if err != nil {
		return 0, nil, errors.New("an address that is no URL")
	}
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := a.hc.Do(req)
	if err != nil {
		return 0, nil, withoutURL(err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxDocument+1))
	switch {
	case err != nil:
		return 0, nil, withoutURL(err)
	case len(answer) > maxDocument:
		return 0, nil, fmt.Errorf("%s answers with more than 1 MiB", req.URL.Hostname())
	}
	return res.StatusCode, answer, nil
}

// withoutURL returns the cause of what an http.Client says, which shows URLs
// with their query.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		if u, parse := url.Parse(e.URL); parse == nil {
			return fmt.Errorf("%s: %w", u.Hostname(), e.Err)
		}
		return e.Err
	}
	return err
}

const maxScopes = 100

// scopeTokens returns those that are scope tokens (RFC 6749 §3.3), within
// limits.
func scopeTokens(all []string) []string {
	var tokens []string
	for _, s := range all {
		ok := s != "" && len(s) <= 256 &&
			!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
		if ok && len(tokens) < maxScopes && !slices.Contains(tokens, s) {
			tokens = append(tokens, s)
		}
	}
	return tokens
}

// union returns the scopes of both, in order.
func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(all, s) && len(all) < 2*maxScopes {
			all = append(all, s)
		}
	}
	return all
}

// within reports whether all of a are in b.
func within(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

// originOf returns the origin of a URL (RFC 6454 §4).
func originOf(u *url.URL) string { return strings.ToLower(u.Scheme) + "://" + address(u) }
