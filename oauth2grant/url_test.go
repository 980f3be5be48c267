package oauth2grant

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestCheckURL(t *testing.T) {
	for raw, want := range map[string]string{
		"https://as.example":                     "",
		"https://as.example.:8443/t?tenant=1":    "",
		"HTTPS://AS.EXAMPLE/t":                   "",
		"https://xn--bcher-kva.example/":         "",
		"https://10.0.0.1/":                      "",
		"https://[2001:db8::1]:8443/":            "",
		"http://127.0.0.1:8080/":                 "",
		"http://[::1]/":                          "",
		"http://localhost/":                      "",
		"https://my_server.example/":             "",
		"":                                       "absolute",
		"/token":                                 "absolute",
		"//as.example/token":                     "neither",
		"as.example":                             "absolute",
		"https://":                               "absolute",
		"https:///token":                         "absolute",
		"https://:443/":                          "no host",
		"https://u:p@as.example/":                "user",
		"https://as.example/#f":                  "fragment",
		"https://%zz/":                           "absolute",
		"ftp://as.example/":                      "neither",
		"javascript:alert(1)":                    "absolute",
		"http://as.example/":                     "InsecureAllowHTTP",
		"http://127.0.0.1.evil.example/":         "InsecureAllowHTTP",
		"http://localhost./":                     "InsecureAllowHTTP",
		"https://bücher.example/":                "xn--bcher-kva.example",
		"https://аs.example/":                    "xn--s-7sb.example", // a Cyrillic а
		"https://１２７.0.0.1/":                     "xn--8g7ccp.0.0.1",
		"https://127。0。0。1/":                     "xn--127001-rr3ebb",
		"https://ｌｏｃａlhost/":                     "xn--lhost-",
		"https://localho\u017ft/":                "xn--localhot-14b",
		"https://local\u00adhost/":               "localhost",
		"https://②②.0.0.1/":                      "xn--prha.0.0.1",
		"https://127.1/":                         "neither a name nor an address",
		"https://2130706433/":                    "neither a name nor an address",
		"https://0x7f.0.0.0x1/":                  "neither a name nor an address",
		"https://0177.0.0.1/":                    "neither a name nor an address",
		"https://a'b.example/":                   "no name",
		"https://a;b.example/":                   "no name",
		"https://" + strings.Repeat("é", 300):    "beyond ASCII",
		"https://as.example\\@evil.example/":     "absolute",
		"https://as.example\u202e.evil.example/": "beyond ASCII",
	} {
		u, err := checkURL(raw, false)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q is refused: %v", raw, err)
		case want != "" && (err == nil || u != nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: got %v, want %q", raw, err, want)
		case err != nil && strings.ContainsAny(err.Error(), "\u202e\n\x1b"):
			t.Errorf("%q: the error is %q", raw, err)
		}
	}
	if _, err := checkURL("http://as.example/", true); err != nil {
		t.Errorf("http that is wished for: %v", err)
	}
}

func TestIsInside(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.255.255.254": true, "10.1.2.3": true, "172.16.0.1": true, "192.168.1.1": true,
		"169.254.169.254": true, "0.0.0.0": true, "0.1.2.3": true, "100.64.0.1": true, "100.127.255.255": true,
		"198.18.0.1": true, "192.0.0.1": true, "224.0.0.1": true, "255.255.255.255": true, "::1": true, "::": true,
		"fe80::1": true, "fe80::1%eth0": true, "fd00:ec2::254": true, "fc00::1": true, "fec0::1": true, "ff02::1": true,
		"::ffff:127.0.0.1": true, "::ffff:7f00:1": true, "::ffff:10.0.0.1": true, "::127.0.0.1": true,
		"64:ff9b::7f00:1": true, "64:ff9b::10.0.0.1": true, "64:ff9b:1::192.168.0.1": true, "2002:7f00:1::": true,
		"2002:a00:1::1": true, "localhost": true, "LOCALHOST": true, "localhost.": true, "a.localhost": true,
		"8.8.8.8": false, "100.63.255.255": false, "100.128.0.0": false, "172.32.0.1": false, "192.0.2.1": false,
		"2001:db8::1": false, "2606:4700::1": false, "64:ff9b::8.8.8.8": false, "64:ff9b:1::8.8.8.8": false,
		"2002:808:808::": false, "::ffff:8.8.8.8": false, "as.example": false, "localhost.example": false, "": false,
		"notlocalhost": false,
	} {
		if got := isInside(host); got != want {
			t.Errorf("%q is inside: %v", host, got)
		}
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{
		"https://as.example/t", "https://１２７.0.0.1/", "https://:443/", "https://[fe80::1%25eth0]/",
		"http://localhost./", "https://0x7f.1/", "https://a%20b/", "https://xn--/", "https://\u202e/",
		"https://[::ffff:127.0.0.1]/", "//x", "https://a/\u0000",
	} {
		f.Add(seed)
	}
	issuer := &url.URL{Scheme: "https", Host: "as.example"}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := checkURL(raw, false)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r\x00\x1b") {
				t.Fatalf("the error is %q", err)
			}
			return
		}
		host := u.Hostname()
		for i := range len(host) {
			if host[i] <= ' ' || host[i] > '~' {
				if _, err := netip.ParseAddr(host); err != nil {
					t.Fatalf("the host is %q", host)
				}
			}
		}
		if checkDiscovered(raw, issuer, false) == nil && (isInside(host) || u.Scheme != "https" || u.User != nil) {
			t.Fatalf("%q was accepted from a document", raw)
		}
	})
}
