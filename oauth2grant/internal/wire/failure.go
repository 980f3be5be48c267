package wire

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Failure is an error answer, or the lack of a usable one.
type Failure struct {
	Status      int    // of HTTP; zero: none came
	Code        string // of RFC 6749 §5.2; empty: none that could be read
	Description string
	URI         string
	RetryAfter  time.Duration
	Interval    int64 // seconds between polls that a device should keep (RFC 8628 §3.5); zero: nothing said
	Cause       error // why no usable answer came
	Own         bool  // the request could not even be made
	Unprocessed bool  // the server provably did nothing
	NotSent     bool  // the body of the request was never read, and so provably not sent
}

// readFailure reads an answer that is not a success.
func readFailure(a Answer) *Failure {
	f := &Failure{Status: a.Status, RetryAfter: retryAfter(a.Header)}
	if members, err := readMembers(a.Body); err == nil {
		f.readError(members)
	}
	f.Unprocessed = a.Status == http.StatusTooManyRequests || a.Status == http.StatusServiceUnavailable
	return f
}

func (f *Failure) readError(m members) {
	if code := m.text("error"); isCode(code) {
		f.Code = code
		f.Description = m.text("error_description")
		f.URI = m.text("error_uri")
		f.Interval = m.seconds("interval")
	}
}

// isCode tells whether s looks like the error code of a specification, and not like prose.
func isCode(s string) bool {
	for _, r := range s {
		if r <= ' ' || r > '~' || r == '"' || r == '\\' {
			return false
		}
	}
	return s != "" && len(s) <= 100
}

// retryAfter reads RFC 9110 §10.2.3: seconds, or a date.
func retryAfter(h http.Header) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(date))
	}
	return 0
}

// longest bounds what is kept of a server's prose.
const longest = 500

// scrub takes out of the server's words what the request must keep secret, and what would break a log line.
func (f *Failure) scrub(sent Form) {
	hidden := secrets(sent)
	if echoes(f.Code, hidden) {
		f.Code = ""
	}
	for _, text := range []*string{&f.Description, &f.URI} {
		clean := redact(strings.Map(printable, redact(*text, hidden)), hidden) // again: a space may be part of a secret
		if len(clean) > longest {
			clean = strings.ToValidUTF8(clean[:longest], "") + "…"
		}
		*text = clean
	}
}

func redact(text string, hidden []string) string {
	for _, secret := range hidden {
		text = strings.ReplaceAll(text, secret, "[redacted]")
	}
	return text
}

func printable(r rune) rune {
	if !unicode.IsPrint(r) {
		return ' '
	}
	return r
}

// echoes tells whether a code repeats a secret. A short one may be part of it by chance.
func echoes(code string, hidden []string) bool {
	return slices.ContainsFunc(hidden, func(secret string) bool {
		return code == secret || len(secret) >= 2*shortest && strings.Contains(code, secret)
	})
}

// public are the parameters of a request that are no secret; all others may be.
var public = map[string]bool{
	"grant_type": true, "client_id": true, "scope": true, "redirect_uri": true, "response_type": true, "resource": true, "audience": true, "token_type_hint": true,
	"code_challenge_method": true, "client_assertion_type": true, "subject_token_type": true, "requested_token_type": true, "actor_token_type": true, "username": true,
}

// shortest is the length below which a value is no secret worth the name, and its removal would garble the text.
const shortest = 4

// secrets gives what an answer must not repeat, as it is and as it was encoded; the longest first, since one may be part of another.
func secrets(sent Form) []string {
	var found []string
	add := func(secret string) {
		for _, s := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			if len(secret) >= shortest && !slices.Contains(found, s) {
				found = append(found, s)
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
	scheme, credentials, _ := strings.Cut(sent.Header.Get("Authorization"), " ")
	add(credentials)
	if pair, err := base64.StdEncoding.DecodeString(credentials); err == nil && strings.EqualFold(scheme, "Basic") {
		_, secret, _ := strings.Cut(string(pair), ":")
		add(secret)
		if plain, err := url.QueryUnescape(secret); err == nil {
			add(plain)
		}
	}
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) })
	return found
}
