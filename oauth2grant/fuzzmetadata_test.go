package oauth2grant

import (
	"encoding/json"
	"strings"
	"testing"
)

func FuzzMetadata(f *testing.F) {
	const (
		issuer = "https://as.example.com/tenant"
		secret = "user:pass-of-the-proxy"
	)
	base, err := checkURL(issuer, false)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		`{"issuer":"` + issuer +
			`","token_endpoint":"https://as.example.com/token","grant_types_supported":["refresh_token"]}`,
		`{"issuer":"` + issuer + `","token_endpoint":"http://127.0.0.1/token"}`,
		`{"issuer":"` + issuer + `","token_endpoint":"https://[::1%25lo]/"}`,
		`{"issuer":"` + issuer + `","token_endpoint":"https://` + secret + `@10.0.0.1/"}`,
		`{"issuer":"` + issuer + `","token_endpoint":{},"revocation_endpoint":"//x"}`,
		`{"issuer":"https://evil.example/` + strings.Repeat("x", 300) + `"}`, `{}`, `null`, `[]`, ``, "\xef\xbb\xbf{}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		s, err := readMetadata(document, issuer, base, nil, false)
		if err != nil {
			if s != (Server{}) {
				t.Fatal("an error and a server")
			}
			// Elsewhere in a URL than before the host it is none.
			if strings.Contains(err.Error(), "//"+secret+"@") ||
				strings.ContainsAny(err.Error(), "\r\n\x00\x1b") {
				t.Fatalf("the error is %q", err)
			}
			return
		}
		if s.Issuer != issuer {
			t.Fatalf("the issuer is %q", s.Issuer)
		}
		for _, e := range s.endpoints() {
			if *e.field == "" {
				continue
			}
			u, err := checkURL(*e.field, false)
			if err != nil || u.Scheme != "https" || isInside(u.Hostname()) || e.name == "" {
				t.Fatalf("%s is %q: %v", e.name, *e.field, err)
			}
		}
		var whole map[string]json.RawMessage
		if err := json.Unmarshal(document, &whole); err != nil {
			t.Fatalf("read, though it is no object: %v", err)
		}
		for name := range whole {
			if _, err := s.Metadata(name, new(any)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	})
}
