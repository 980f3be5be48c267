package granttest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing/iotest"
)

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// answer is what an endpoint says, before faults change it.
type answer struct {
	status int
	header http.Header
	json   map[string]any // nil: text
	text   string
	size   int64  // of a filler instead of text
	code   string // the OAuth error code in it
}

// reply is a successful answer.
func reply(members map[string]any) answer {
	return answer{status: http.StatusOK, json: members}
}

// response is an answer ready to be sent.
type response struct {
	status int
	header http.Header
	body   io.Reader
	length int64 // -1: not declared
}

func (f Fault) encode(a answer) *response {
	header := http.Header{"Cache-Control": {"no-store"}, "Content-Type": {"text/plain; charset=utf-8"}}
	text := a.text
	if a.json != nil {
		text = f.encodeJSON(a, header)
	}
	for _, more := range []http.Header{a.header, f.Header} {
		for name, values := range more {
			header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
		}
	}
	r := &response{status: a.status, header: header, body: strings.NewReader(text), length: int64(len(text))}
	if a.size > 0 {
		r.body, r.length = io.LimitReader(filler{}, a.size), -1
	}
	if f.Cut == CutWithin {
		size := max(r.length, a.size)
		r.body = io.MultiReader(io.LimitReader(r.body, size/2), iotest.ErrReader(errCut))
	}
	return r
}

func (f Fault) encodeJSON(a answer, header http.Header) string {
	if f.Edit != nil && a.status < http.StatusMultipleChoices {
		f.Edit(a.json)
	}
	if f.Form {
		header.Set("Content-Type", formType)
		form := url.Values{}
		for name, value := range a.json {
			form.Set(name, fmt.Sprint(value))
		}
		return form.Encode()
	}
	header.Set("Content-Type", jsonType)
	text, err := json.Marshal(a.json)
	if err != nil {
		panic("granttest: Fault.Edit put into the answer what JSON cannot say: " + err.Error())
	}
	return string(text)
}

// filler is an endless body.
type filler struct{}

func (filler) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func (r route) refuseMethod(method string) (answer, bool) {
	if len(r.methods) == 0 || slices.Contains(r.methods, method) {
		return answer{}, false
	}
	return answer{
		status: http.StatusMethodNotAllowed,
		header: http.Header{"Allow": {strings.Join(r.methods, ", ")}},
		text:   "granttest: this endpoint takes " + strings.Join(r.methods, " and ") + "\n",
	}, true
}

// wellFormed applies RFC 6749 §3.1 and §3.2: form-encoded where a body carries
// the parameters, and none of them twice, but for those that RFC 8707 and RFC
// 8693 repeat.
func (c *call) wellFormed(formRequired bool) error {
	if c.endpoint == Resource {
		return nil
	}
	if formRequired && !c.encoded {
		return refuse("invalid_request", "the body must be "+formType)
	}
	if c.formErr != nil {
		return refuse("invalid_request", "the parameters cannot be read")
	}
	for name, values := range c.form {
		if len(values) > 1 && name != "resource" && name != "audience" {
			return refuse("invalid_request", name+" is given more than once")
		}
	}
	return nil
}
