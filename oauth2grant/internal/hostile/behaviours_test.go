package hostile_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// behaviour answers one request as no server should.
type behaviour func(c *call)

// names are those of the behaviours, sorted, so that a seed chooses the same.
var names = slices.Sorted(maps.Keys(behaviours))

// just answers with a text, whatever was asked, and closes the connection.
func just(text string) behaviour { return func(c *call) { c.write(text) } }

// head answers with a text and then says nothing more.
func head(text string) behaviour {
	return func(c *call) {
		c.write(text)
		c.stall()
	}
}

// floods answers with a beginning and then one text without end.
func floods(start, text string) behaviour {
	return func(c *call) {
		c.write(start)
		c.flood(func(int) string { return text })
	}
}

// cut answers with a part of a good answer.
func cut(end func(*call)) behaviour {
	return func(c *call) {
		text := c.good()
		c.write(text[:c.rng.IntN(len(text))])
		end(c)
	}
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

var (
	bomb   = says(200, zipped(strings.Repeat(" ", 64<<20)), "Content-Encoding: gzip")
	line   = "HTTP/1.1 200 OK\r\n"
	chunks = line + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
	long   = strings.Repeat("a ", 256<<10)
)

var behaviours = map[string]behaviour{
	// connections
	"closed at once":      func(*call) {},
	"reset at once":       (*call).reset,
	"stalled at once":     (*call).stall,
	"reset at any byte":   cut((*call).reset),
	"closed at any byte":  cut(func(*call) {}),
	"stalled at any byte": cut((*call).stall),
	"dripping": func(c *call) {
		c.drip(c.good())
	},
	"stalled in the status line": head("HTTP/1."),
	"stalled in the header":      head(line + "X: y"),
	"stalled before the body":    head(line + "Content-Length: 100\r\n\r\n"),
	"answered twice": func(c *call) {
		c.write(c.good() + c.good())
	},
	"no HTTP: SSH":    head("SSH-2.0-OpenSSH_9.9\r\n"),
	"no HTTP: TLS":    just("\x15\x03\x01\x00\x02\x02\x28"),
	"no HTTP: HTTP/2": head("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	"no HTTP: noise": func(c *call) {
		c.flood(func(i int) string { return string(rune(c.rng.IntN(256))) })
	},

	// status
	"1xx flood": floods("", "HTTP/1.1 100 Continue\r\n\r\n"),
	"early hints flood": floods("",
		"HTTP/1.1 103 Early Hints\r\nLink: </"+strings.Repeat("x", 4096)+">\r\n\r\n"),
	"processing, and nothing": head("HTTP/1.1 102 Processing\r\n\r\n"),
	"switching protocols": head(
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
	"switching protocols, flood": floods("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
		"\x81\x7e\xff\xff"),
	"switching protocols to itself": just("HTTP/1.1 101 Switching Protocols\r\n\r\n" + says(200, goodToken)),
	"status 000":                    just("HTTP/1.1 000 Nothing\r\nContent-Length: 0\r\n\r\n"),
	"status 99":                     just("HTTP/1.1 99 Low\r\n\r\n"),
	"status 999":                    just("HTTP/1.1 999 High\r\nContent-Length: 0\r\n\r\n"),
	"status -1":                     just("HTTP/1.1 -1 Negative\r\n\r\n"),
	"no content, with content":      just("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello"),
	"not modified":                  just("HTTP/1.1 304 Not Modified\r\n\r\n"),
	"partial content":               just(says(206, goodToken[:20], "Content-Range: bytes 0-19/100")),
	"HTTP/9.9":                      just("HTTP/9.9 200 OK\r\n\r\n"),
	"HTTP/1.0 without a length":     just("HTTP/1.0 200 OK\r\n\r\n" + goodToken),

	// redirects
	"redirect to itself":   func(c *call) { c.write(says(307, "", "Location: "+c.path)) },
	"redirect elsewhere":   just(says(308, "", "Location: https://evil.example/?code=MARK")),
	"redirect to a file":   just(says(302, "", "Location: file:///etc/passwd")),
	"redirect to a script": just(says(303, "", "Location: javascript:alert(1)")),
	"redirect to nowhere":  just(says(301, "")),
	"redirect to no URL":   just(says(307, "", "Location: ://\x7f%zz")),
	"redirect without end": func(c *call) {
		c.write(says(307, "", "Location: "+c.path+"?"+strconv.Itoa(c.rng.Int())))
	},
	"redirect to the inside": just(says(307, "", "Location: http://169.254.169.254/latest/meta-data")),

	// lengths
	"two lengths":            just(line + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
	"a negative length":      just(line + "Content-Length: -5\r\n\r\nhello"),
	"a length beyond int64":  just(line + "Content-Length: 99999999999999999999\r\n\r\n{}"),
	"a length never reached": head(line + "Content-Length: 9223372036854775807\r\n\r\n{"),
	"a length too short":     just(line + "Content-Length: 5\r\n\r\n" + goodToken),
	"a length and chunks": just(line +
		"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
	"an endless body":      floods(line+"\r\n", strings.Repeat("{", 4096)),
	"endless chunks":       floods(chunks, "1\r\n \r\n"),
	"endless chunk header": floods(chunks+"1;", "x=y;"),
	"endless trailer":      floods(chunks+"2\r\n{}\r\n0\r\n", "X: y\r\n"),
	"a chunk beyond int64": just(chunks + "fffffffffffffffff\r\n"),
	"a chunk that is none": just(chunks + "zz\r\n{}\r\n"),

	// encodings
	"a gzip bomb":      just(bomb),
	"gzip garbage":     just(says(200, "\x1f\x8bgarbage", "Content-Encoding: gzip")),
	"gzip, cut":        just(says(200, zipped(goodToken)[:20], "Content-Encoding: gzip")),
	"unknown encoding": just(says(200, goodToken, "Content-Encoding: br")),

	// headers
	"many headers": func(c *call) {
		c.write(line)
		c.flood(func(i int) string { return fmt.Sprintf("X-%d: y\r\n", i) })
	},
	"an endless header":      floods(line+"X: ", strings.Repeat("y", 4096)),
	"a header without colon": just(line + "nothing\r\n\r\n"),
	"a header with NUL":      just(line + "X: \x00\r\n\r\n{}"),
	"a folded header":        just(line + "X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}"),
	"cookies":                just(says(200, "{}", strings.Repeat("Set-Cookie: a=b\r\n", 2000)+"X: y")),

	// challenges
	"a challenge, always": just(says(401, "", `WWW-Authenticate: Bearer error="invalid_token"`)),
	"a challenge that stalls": head(
		"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 9\r\n\r\n"),
	"an endless challenge":     just(says(401, "", "WWW-Authenticate: "+long)),
	"a challenge of commas":    just(says(401, "", "WWW-Authenticate: "+strings.Repeat(",", 200<<10))),
	"a challenge never closed": just(says(401, "", `WWW-Authenticate: Bearer realm="`+strings.Repeat(`\"`, 100<<10))),
	"nonces without end": func(c *call) {
		c.write(says(401, `{"error":"use_dpop_nonce"}`, `WWW-Authenticate: DPoP error="use_dpop_nonce"`,
			fmt.Sprintf("DPoP-Nonce: %d", c.rng.Int())))
	},

	// errors
	"a page":                  just(says(403, "<html>"+long)),
	"wait for ever":           just(says(429, "", "Retry-After: 0")),
	"an outage":               just(says(503, `{"error":"temporarily_unavailable"}`, "Retry-After: -5")),
	"a refusal":               just(says(400, `{"error":"invalid_grant"}`)),
	"a refusal of the client": just(says(401, `{"error":"invalid_client"}`)),
	"an error in a 200":       just(says(200, `{"error":"invalid_grant","access_token":"A"}`)),
	"an error with control text": just(says(400,
		`{"error":"invalid\u001b[2J_grant","error_description":"\u202e\u0000"}`)),

	// documents
	"deep":        just(says(200, strings.Repeat("[", 500<<10))),
	"deep within": just(says(200, `{"access_token":"A","x":`+strings.Repeat(`{"a":`, 100<<10))),
	"null":        just(says(200, "null")),
	"nothing":     just(says(200, "")),
	"wrong types": just(
		says(200, `{"access_token":["A"],"token_type":7,"expires_in":{},"active":"x","sub":[]}`)),
	"a token with a line end": just(says(200, `{"access_token":"A\r\nX: y","token_type":"Bearer"}`)),
	"another kind of token":   just(says(200, `{"access_token":"A","token_type":"mac"}`)),
	"a life that is too long": just(says(200, `{"access_token":"A","token_type":"Bearer","expires_in":1e400}`)),
	"a life that is negative": just(
		says(200, `{"access_token":"A","token_type":"Bearer","expires_in":-9223372036854775808}`)),
	"a life of a nanosecond": just(says(200, `{"access_token":"A","token_type":"Bearer","expires_in":1e-9}`)),
	"members twice":          just(says(200, `{"access_token":"A","access_token":"B","token_type":"Bearer"}`)),
	"many members":           just(says(200, "{"+strings.Repeat(`"a":1,`, 150<<10)+`"access_token":"A"}`)),
	"a number without end":   just(says(200, `{"expires_in":`+strings.Repeat("9", 900<<10)+`,"access_token":"A"}`)),
	"metadata of another": just(
		says(200, `{"issuer":"https://evil.example","token_endpoint":"https://evil.example/"}`)),
	"metadata with scripts": func(c *call) {
		c.write(says(200, c.metadata(`,"userinfo_endpoint":"javascript:alert(1)"`)))
	},
	"metadata of the inside": func(c *call) {
		c.write(says(200, c.metadata(`,"revocation_endpoint":"http://169.254.169.254/"`)))
	},
	"metadata of null": func(c *call) {
		c.write(says(200, c.metadata(`,"grant_types_supported":null,"scopes_supported":7`)))
	},
	"metadata without end": func(c *call) {
		c.write(says(200, c.metadata(`,"x":"`+strings.Repeat("x", 900<<10)+`"`)))
	},
	"metadata that is too big": func(c *call) {
		c.write(says(200, c.metadata(`,"x":"`+strings.Repeat("x", 2<<20)+`"`)))
	},
}
