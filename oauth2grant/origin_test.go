package oauth2grant

import (
	"net/url"
	"testing"
)

func TestOrigin(t *testing.T) {
	for raw, want := range map[string]string{
		"https://api.example/x?y#z":          "https://api.example:443",
		"http://API.Example":                 "http://api.example:80",
		"https://api.example:":               "https://api.example:443",
		"https://api.example:8443/":          "https://api.example:8443",
		"https://user:pass@api.example":      "https://api.example:443",
		"https://[2001:DB8::1]:8443/":        "https://[2001:db8::1]:8443",
		"https://[::1]":                      "https://[::1]:443",
		"https://api.example.":               "https://api.example.:443",
		"https://ap\u0130.example":           "https://ap\u0130.example:443", // its lower case begins with i
		"https://\u212Aeys.example":          "https://\u212Aeys.example:443",
		"https://\uff21\uff30\uff29.example": "https://\uff21\uff30\uff29.example:443",
		"ftp://api.example":                  "ftp://api.example:",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := origin(u); got != want {
			t.Errorf("%s: got %s, want %s", raw, got, want)
		}
	}
	broken := []*url.URL{{Scheme: "https", Host: "a\xff.example"}, {Scheme: "https", Host: "a\xfe.example"}}
	if originOf(broken[0]) == originOf(broken[1]) {
		t.Error("two hosts that are no UTF-8 are one origin")
	}
	u := &url.URL{Scheme: "https", Host: "api.example"}
	if n := testing.AllocsPerRun(100, func() { _ = originOf(u) }); n != 0 {
		t.Errorf("originOf allocates %v times", n)
	}
}
