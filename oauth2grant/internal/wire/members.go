package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Members are those of a JSON object or of a form: of anything that a server
// or a file says. What is absent, null, or of a type that cannot be meant
// counts as not said.
type Members map[string]json.RawMessage

var (
	bom           = []byte("\xef\xbb\xbf")
	errUnreadable = errors.New("the answer is neither a JSON object nor a form")
)

// ReadMembers reads a JSON object, after a byte order mark if there is one. Its
// error quotes nothing.
func ReadMembers(text []byte) (Members, error) {
	text = bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(text), bom))
	var m Members
	if !bytes.HasPrefix(text, []byte("{")) || json.Unmarshal(text, &m) != nil {
		return nil, errUnreadable // the cause may quote the text
	}
	return m, nil
}

// readMembers reads an object or a form, by the body only: what servers say of
// its type is often wrong. first permits a list, of which the first is meant.
func readMembers(body []byte, first bool) (Members, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), bom))
	switch {
	case bytes.HasPrefix(body, []byte("{")):
		return ReadMembers(body)
	case first && bytes.HasPrefix(body, []byte("[")):
		var list []Members
		if json.Unmarshal(body, &list) != nil || len(list) == 0 {
			return nil, errUnreadable
		}
		return list[0], nil
	case bytes.HasPrefix(body, []byte(`"`)):
		var text string
		if !first || json.Unmarshal(body, &text) != nil {
			return nil, errUnreadable
		}
		return Members{"message": slices.Clone(body)}, nil
	}
	values, err := url.ParseQuery(string(body))
	if err != nil || !bytes.Contains(body, []byte("=")) || bytes.ContainsAny(body, "<\n ") {
		return nil, errUnreadable
	}
	m := Members{}
	for name := range values {
		text, err := json.Marshal(values.Get(name))
		if err != nil {
			return nil, errUnreadable
		}
		m[name] = text
	}
	return m, nil
}

// decode reads the value of a member; one that is absent says nothing.
func decode(raw json.RawMessage, out any) bool {
	return len(raw) > 0 && json.Unmarshal(raw, out) == nil
}

// Has reports whether the member says anything.
func (m Members) Has(name string) bool { return len(m[name]) > 0 && string(m[name]) != "null" }

// Text returns a string; anything else counts as none.
func (m Members) Text(name string) string {
	raw := m[name]
	if !bytes.HasPrefix(raw, []byte(`"`)) {
		return ""
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// Word returns a string, or a number as its text.
func (m Members) Word(name string) string {
	var n json.Number
	if raw := m[name]; len(raw) > 0 && raw[0] != '"' && json.Unmarshal(raw, &n) == nil {
		return n.String()
	}
	return m.Text(name)
}

// Words returns a list, whether it came as one string or as an array, as words
// separated by spaces.
func (m Members) Words(name string) string { return strings.Join(m.List(name), " ") }

// List returns an array of strings, or one string as the only element of one.
func (m Members) List(name string) []string {
	var list []json.RawMessage
	if raw := m[name]; !bytes.HasPrefix(raw, []byte("[")) || !decode(raw, &list) {
		if s := m.Text(name); s != "" {
			return []string{s}
		}
		return nil
	}
	var words []string
	for _, raw := range list {
		var s string
		if decode(raw, &s) && s != "" {
			words = append(words, s)
		}
	}
	return words
}

// Bool returns a boolean, whether it came as that, as a string or as a number,
// and reports whether it is one.
func (m Members) Bool(name string) (value, ok bool) {
	switch strings.ToLower(unquote(string(m[name]))) {
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	}
	return false, false
}

// anyText returns the first of some strings that is there.
func (m Members) anyText(names ...string) string {
	for _, name := range names {
		if s := m.Text(name); s != "" {
			return s
		}
	}
	return ""
}

// Rest returns the members not named, in any case, as one JSON object; empty if
// there are none.
func (m Members) Rest(named ...string) string {
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
