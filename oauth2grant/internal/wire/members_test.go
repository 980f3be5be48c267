package wire

import (
	"slices"
	"testing"
	"time"
)

func TestMembers_Time(t *testing.T) {
	at := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	for _, c := range []struct {
		name, raw string
		want      time.Time
	}{
		{"seconds", `1580702706`, at},
		{"seconds as a string", `"1580702706"`, at},
		{"seconds with a fraction", `1580702706.5`, at.Add(500 * time.Millisecond)},
		{"seconds as a padded string", `" 1580702706 "`, at},
		{"seconds, for ever", `253402300799`, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		{"milliseconds", `1580702706000`, at},
		{"milliseconds as a string", `"1580702706000"`, at},
		{"RFC 3339", `"2020-02-03T04:05:06Z"`, at},
		{"RFC 3339 in another zone", `"2020-02-03T05:05:06+01:00"`, at},
		{"RFC 3339 with a fraction", `"2020-02-03T04:05:06.000001Z"`, at.Add(time.Microsecond)},
		{"a date that spells out UTC", `"2020-02-03T04:05:06UTC"`, at},
		{"a date without a zone", `"2020-02-03T04:05:06.000000"`, at},
		{"a date with a space", `"2020-02-03 04:05:06"`, at},
		{"a date of HTTP", `"Mon, 03 Feb 2020 04:05:06 GMT"`, at},
		{"zero", `0`, time.Time{}},
		{"below zero", `-1`, time.Time{}},
		{"beyond all measure", `1e300`, time.Time{}},
		{"NaN", `"NaN"`, time.Time{}},
		{"null", `null`, time.Time{}},
		{"a word", `"soon"`, time.Time{}},
		{"empty", `""`, time.Time{}},
		{"an object", `{}`, time.Time{}},
		{"a list", `[1580702706]`, time.Time{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (Members{"at": []byte(c.raw)}).Time("at"); got.Sub(c.want).Abs() > time.Microsecond {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestMembers_ReadWhatIsMeant(t *testing.T) {
	m, err := ReadMembers([]byte("\xef\xbb\xbf" + `{
		"text":"a","number":7,"big":9007199254740993,"list":["a","b",3,null],"null":null,"object":{"x":"y"},"empty":"",
		"true":true,"yes":"True","one":1,"false":"false","zero":0}`))
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		m.Text("text"): "a", m.Text("number") + "-": "-", m.Word("number"): "7", m.Word("big"): "9007199254740993",
		m.Words("list"): "a b", m.Words("text") + "!": "a!", m.Text("null") + "?": "?", m.Word("null") + ".": ".",
		m.Word("object") + ",": ",", m.Object("object").Text("x"): "y", m.Object("text").Text("x") + ";": ";",
		m.Words("none") + ":": ":", m.Words("number") + "_": "_",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for name, want := range map[string]bool{
		"true": true, "yes": true, "one": true, "false": false, "zero": false, "null": false, "none": false,
		"text": false, "list": false, "object": false,
	} {
		got, ok := m.Bool(name)
		if sure := slices.Contains([]string{"true", "yes", "one", "false", "zero"}, name); got != want || ok != sure {
			t.Errorf("%s is %v, %v", name, got, ok)
		}
	}
	if m.Has("null") || m.Has("none") || !m.Has("empty") || !m.Has("zero") {
		t.Error("what says nothing says something, or the reverse")
	}
}

func TestReadMembers_RefusesWhatIsNoObject(t *testing.T) {
	for _, text := range []string{
		``, ` `, `null`, `[]`, `"a"`, `1`, `a=b`, `{`, `{}{}`, `{"a":}`, `<html>`, "\xef\xbb\xbf",
	} {
		if m, err := ReadMembers([]byte(text)); err == nil || m != nil {
			t.Errorf("%q: got %v", text, m)
		}
	}
}
