package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// members are those of an answer, whether it came as JSON or as a form.
type members map[string]json.RawMessage

var errUnreadable = errors.New("the answer is neither a JSON object nor a form")

// readMembers looks at the body only: what servers say of its type is often wrong.
func readMembers(body []byte) (members, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if bytes.HasPrefix(body, []byte("{")) {
		var m members
		if err := json.Unmarshal(body, &m); err != nil {
			return nil, errUnreadable // the cause may quote the body
		}
		return m, nil
	}
	values, err := url.ParseQuery(string(body))
	if err != nil || !bytes.Contains(body, []byte("=")) || bytes.ContainsAny(body, "<\n") {
		return nil, errUnreadable
	}
	m := members{}
	for name := range values {
		text, err := json.Marshal(values.Get(name))
		if err != nil {
			return nil, errUnreadable
		}
		m[name] = text
	}
	return m, nil
}

// has tells whether the member says anything.
func (m members) has(name string) bool { return len(m[name]) > 0 && string(m[name]) != "null" }

// text reads a string; anything else counts as none.
func (m members) text(name string) string {
	var s string
	if json.Unmarshal(m[name], &s) != nil {
		return ""
	}
	return s
}

// words reads a list, whether it came as one string or as an array.
func (m members) words(name string) string {
	var list []string
	if json.Unmarshal(m[name], &list) == nil {
		return strings.Join(list, " ")
	}
	return m.text(name)
}

// seconds reads a number that may have come as an integer, a fraction or a string; what is none, or not a sane one, counts as zero.
func (m members) seconds(name string) int64 { return readNumber(m[name]) }

// Number is a number of an answer that may have come as an integer, a fraction or a string; what is none, or not a sane one, counts as zero.
type Number int64

// UnmarshalJSON never fails.
func (n *Number) UnmarshalJSON(raw []byte) error {
	*n = Number(readNumber(raw))
	return nil
}

func readNumber(text []byte) int64 {
	raw := strings.Trim(string(text), `"`)
	n, err := strconv.ParseFloat(strings.TrimSpace(raw), 64)
	if err != nil || math.IsNaN(n) || n < 0 || n > math.MaxInt32*10 {
		return 0
	}
	return int64(n)
}

// rest gives the members not named, in any case, as one JSON object; empty: none.
func (m members) rest(named ...string) string {
	others := maps.Clone(m)
	maps.DeleteFunc(others, func(name string, _ json.RawMessage) bool {
		return slices.ContainsFunc(named, func(n string) bool { return strings.EqualFold(n, name) })
	})
	if len(others) == 0 {
		return ""
	}
	text, err := json.Marshal(others)
	if err != nil {
		return ""
	}
	return string(text)
}
