package apiauth

import (
	"context"
	"errors"
	"net/url"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func TestGuard_JudgesTheAddressThatANameIsResolvedTo(t *testing.T) {
	api, _ := url.Parse("https://10.9.9.9/mcp")
	for name, c := range map[string]struct {
		cfg     Config
		to      string
		target  string // of the request; empty: the same
		refused bool
	}{
		"an address inside":                 {Config{}, "127.0.0.1:1", "", true},
		"a private one":                     {Config{}, "10.0.0.1:443", "", true},
		"an IPv4 address in IPv6":           {Config{}, "[::ffff:127.0.0.1]:1", "", true},
		"what is permitted":                 {Config{AllowInside: true}, "127.0.0.1:1", "", false},
		"the API's own":                     {Config{}, "10.9.9.9:443", "", false},
		"another port of the API's machine": {Config{}, "10.9.9.9:22", "", true},
		"a proxy's":                         {Config{}, "127.0.0.1:1", "as.example:443", false},
	} {
		t.Run(name, func(t *testing.T) {
			target := c.target
			if target == "" {
				target = c.to
			}
			ctx, cancel := context.WithCancel(context.WithValue(t.Context(), targetKey{}, target))
			if !c.refused {
				cancel() // it would be dialled
			}
			defer cancel()
			conn, err := newGuard(api, c.cfg).dial(ctx, "tcp", c.to)
			if conn != nil {
				_ = conn.Close()
			}
			if err == nil || errors.Is(err, ErrInside) != c.refused {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestConfig_Check(t *testing.T) {
	for name, c := range map[string]struct {
		api string
		cfg Config
		ok  bool
	}{
		"https":        {"https://api.example/mcp", Config{}, true},
		"this machine": {"http://127.0.0.1:8080/mcp", Config{}, true},
		"http beyond":  {"http://api.example/mcp", Config{}, false},
		"no URL":       {"api.example", Config{}, false},
		"a nil client": {
			"https://api.example", Config{Clients: map[string]oauth2grant.ClientAuth{"": nil}}, false,
		},
		"a document over http": {"https://api.example", Config{ClientMetadataURL: "http://127.0.0.1/c.json"}, false},
		"a document at a root": {"https://api.example", Config{ClientMetadataURL: "https://agent.example/"}, false},
		"a document": {
			"https://api.example", Config{ClientMetadataURL: "https://agent.example/c.json"}, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := c.cfg.check(c.api); (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}
