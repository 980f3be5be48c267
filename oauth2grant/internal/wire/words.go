package wire

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/oauth2grant/go-oauth2grant/internal/challenge"
)

// Names that servers have for the parts of an error, the most telling first.
var (
	codeNames = []string{"error", "errorType", "error_code", "errorCode", "code", "status", "type", "__type", ".tag"}
	wordNames = []string{
		"error_description", "error_message", "errorMessage", "errorSummary", "error_summary", "message",
		"msg", "detail", "description", "title", "reason",
	}
	uriNames = []string{"error_uri", "errorUri", "help", "more_info", "documentation_url"}
)

// readError reads the error in an answer, in whichever form the server has for
// it: that of RFC 6749 §5.2, an object or a list of them in place of the code,
// or words alone. In a success only what says by its name that it is an error
// counts as one.
func (f *Failure) readError(m Members, success bool) {
	switch {
	case f.readCoded(m):
	case f.readNested(m["error"]), f.readNested(m["errors"]), f.readNested(m["fault"]):
	case !success || !m.Has("access_token") && m.anyText("error_description", "error_message", "errorSummary") != "":
		f.readObject(m)
	default:
		return
	}
	if f.Said {
		if f.Description == "" {
			f.Description = m.anyText(wordNames...)
		}
		f.Interval = m.Seconds("interval")
		f.Extra = m.Rest("error", "error_description", "error_uri", "interval")
	}
}

// readWords reads an answer that should have been another: what it says in
// words is why it is not.
func (f *Failure) readWords(m Members) {
	if m.anyText(wordNames...) != "" && f.readObject(m) {
		f.Extra = m.Rest()
	}
}

// readCoded reads RFC 6749 §5.2, also where the code is prose.
func (f *Failure) readCoded(m Members) bool {
	code := m.Text("error")
	if code == "" {
		return false
	}
	f.Said, f.URI = true, m.anyText(uriNames...)
	words := m.anyText(wordNames...)
	if isCode(code) {
		f.Code, f.Description = code, words
	} else {
		f.Description = join(code, words)
	}
	return true
}

// readNested reads an error that is an object, or the first of a list.
func (f *Failure) readNested(raw json.RawMessage) bool {
	if len(raw) == 0 {
		return false
	}
	var list []json.RawMessage
	if decode(raw, &list) && len(list) > 0 {
		raw = list[0]
	}
	var text string
	if decode(raw, &text) && text != "" {
		f.Said = true
		if isCode(text) {
			f.Code = text
		} else {
			f.Description = text
		}
		return true
	}
	var inner Members
	if !decode(raw, &inner) || len(inner) == 0 {
		return false
	}
	return f.readObject(inner)
}

// readObject reads an object that is an error, by the names that servers have
// for its parts. RFC 9457 is one of the forms.
func (f *Failure) readObject(m Members) bool {
	code, words := "", ""
	for _, name := range codeNames {
		s := m.Text(name)
		if isCode(s) && !isNumber(s) && !strings.Contains(s, ":/") && !strings.HasPrefix(s, "about:") {
			code = s
			break
		}
	}
	if strings.EqualFold(code, "ok") || strings.EqualFold(code, "success") {
		return false
	}
	if title := m.Text("title"); title != "" {
		words = join(title, m.Text("detail"))
	} else {
		words = m.anyText(wordNames...)
	}
	if code == "" && words == "" {
		return false
	}
	f.Said, f.Code, f.Description, f.URI = true, code, words, m.anyText(uriNames...)
	return true
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

func join(a, b string) string {
	if a == "" || b == "" || a == b {
		return a + strings.TrimPrefix(b, a)
	}
	return a + ": " + b
}

// prose returns the text of an answer that is a sentence for people, empty
// where it is anything else: a page, data, or what may be a credential.
func prose(body []byte) string {
	const most = 2 * longest
	text := strings.TrimSpace(string(bytes.TrimPrefix(body, bom)))
	if text == "" || len(text) > most || !utf8.ValidString(text) || strings.ContainsAny(text, "<>{}[]=&\x00") {
		return ""
	}
	const longestWord = 30
	words := strings.Fields(text)
	for _, word := range words {
		if len(word) > longestWord {
			return ""
		}
	}
	if len(words) == 1 && strings.ContainsAny(text, "0123456789") {
		return ""
	}
	return text
}

// ReadChallenged is [ReadFailure] for an answer of a resource server (RFC 6750
// §3), which says in a challenge what the body may leave out.
func ReadChallenged(a Answer) *Failure {
	f := ReadFailure(a)
	if f.Code != "" {
		return f
	}
	for _, c := range challenge.Read(a.Header.Values("WWW-Authenticate")) {
		if code := c.Params["error"]; isCode(code) {
			f.Code, f.Said = code, true
			if words := c.Params["error_description"]; words != "" {
				f.Description = words
			}
			break
		}
	}
	f.scrub(a.sent)
	return f
}
