package wire

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// shortest is the length in bytes below which a value is no secret worth the
// name, and its removal would garble the text.
const shortest = 8

// mostScrubbed bounds how much of a server's words is looked at.
const mostScrubbed = 16 << 10

const redacted = "[redacted]"

// scrub takes out of the server's words what the request must keep secret, and
// what would break a log line.
func (f *Failure) scrub(sent Form) {
	if f.Code == "" && f.Description == "" && f.URI == "" {
		return
	}
	hidden := secrets(sent)
	if slices.ContainsFunc(hidden, func(secret string) bool { return strings.Contains(f.Code, secret) }) {
		f.Code = ""
	}
	f.Description, f.URI = clean(f.Description, hidden), clean(f.URI, hidden)
}

// clean makes a server's text fit for an error.
func clean(text string, hidden []string) string {
	whole := len(text) <= mostScrubbed
	if !whole {
		text = text[:mostScrubbed]
	}
	for _, secret := range hidden { // as it came: one may hold what cannot be printed
		text = strings.ReplaceAll(text, secret, redacted)
	}
	text = redact(strings.Map(printable, text), hidden)
	if !whole {
		if i := strings.LastIndex(text, redacted); i >= 0 { // what follows may be the beginning of one more
			text = text[:i+len(redacted)]
		}
	}
	return strings.TrimSpace(oneLine(text))
}

// redact replaces every secret in text, also one that was cut short, so long as
// half of it is there.
func redact(text string, hidden []string) string {
	for _, secret := range hidden {
		least := max(shortest, len(secret)/2)
		head := secret[:least]
		for from := 0; ; {
			i := strings.Index(text[from:], head)
			if i < 0 {
				break
			}
			start := from + i
			end := start + least
			for end < len(text) && end-start < len(secret) && text[end] == secret[end-start] {
				end++
			}
			text = text[:start] + redacted + text[end:]
			from = start + len(redacted)
		}
	}
	return text
}

// public are the parameters of a request that are no secret; all others may be.
var public = map[string]bool{
	"grant_type": true, "client_id": true, "scope": true, "redirect_uri": true, "response_type": true, "resource": true,
	"audience": true, "token_type_hint": true, "code_challenge_method": true, "client_assertion_type": true,
	"subject_token_type": true, "requested_token_type": true, "actor_token_type": true, "username": true,
}

// publicHeaders are those of a request that hold no secret, and Authorization,
// of which a part is; all others may be one.
var publicHeaders = map[string]bool{"Accept": true, "Content-Type": true, "User-Agent": true, "Authorization": true}

// secrets returns what an answer must not repeat, in every encoding that an
// answer may have it in; the longest first, since one may be part of another.
func secrets(sent Form) []string {
	found := map[string]bool{}
	add := func(secret string) {
		if len(secret) < shortest {
			return
		}
		for _, s := range encodings(secret) {
			if len(s) >= shortest {
				found[s] = true
			}
		}
	}
	for _, params := range []url.Values{sent.Values, sent.query} {
		for name, values := range params {
			for _, v := range values {
				if !public[name] {
					add(v)
				}
			}
		}
	}
	for name, values := range sent.Header { // a proof, a key
		for _, v := range values {
			if !publicHeaders[name] {
				add(v)
			}
		}
	}
	for _, value := range sent.Header["Authorization"] {
		scheme, credentials, _ := strings.Cut(value, " ")
		add(credentials)
		if pair, err := base64.StdEncoding.DecodeString(credentials); err == nil && strings.EqualFold(scheme, "Basic") {
			_, secret, _ := strings.Cut(string(pair), ":")
			add(secret)
			if plain, err := url.QueryUnescape(secret); err == nil {
				add(plain)
			}
		}
	}
	all := make([]string, 0, len(found))
	for s := range found {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return all
}

// encodings returns the forms in which servers and what stands before them
// repeat a value.
func encodings(s string) []string {
	query, path := url.QueryEscape(s), url.PathEscape(s)
	all := []string{
		s, query, path, strings.ReplaceAll(query, "+", "%20"), lowerHex(query), lowerHex(path),
		html.EscapeString(s), unquote(strconv.Quote(s)), unquote(strconv.QuoteToASCII(s)),
		base64.StdEncoding.EncodeToString([]byte(s)), base64.URLEncoding.EncodeToString([]byte(s)),
		base64.RawStdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)),
		hex.EncodeToString([]byte(s)),
	}
	if text, err := json.Marshal(s); err == nil {
		all = append(all, unquote(string(text)))
	}
	var plain strings.Builder
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(s) == nil {
		all = append(all, unquote(strings.TrimSuffix(plain.String(), "\n")))
	}
	return all
}

func unquote(s string) string { return strings.TrimSuffix(strings.TrimPrefix(s, `"`), `"`) }

// lowerHex writes the digits of percent-encoding in lower case.
func lowerHex(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], strings.ToLower(string(b[i+1:i+3])))
		}
	}
	return string(b)
}
