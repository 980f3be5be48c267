package wire

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Number is a number that may have come as an integer, a fraction or a string;
// what is none, or not a sane one, counts as zero.
type Number int64

// UnmarshalJSON never fails.
func (n *Number) UnmarshalJSON(raw []byte) error {
	*n = Number(readNumber(raw))
	return nil
}

// Seconds returns a number that may have come as an integer, a fraction or a
// string; what is none, or not a sane one, counts as zero.
func (m Members) Seconds(name string) int64 { return readNumber(m[name]) }

func readNumber(text []byte) int64 {
	if len(text) == 0 {
		return 0
	}
	raw := strings.Trim(string(text), `"`)
	n, err := strconv.ParseFloat(strings.TrimSpace(raw), 64)
	if err != nil || math.IsNaN(n) || n < 0 || n > math.MaxInt32*10 {
		return 0
	}
	return int64(n)
}

// layouts are the forms of a date that programs write, beside that of RFC 3339.
// One without a zone means UTC.
var layouts = []string{
	time.RFC3339, "2006-01-02T15:04:05UTC", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999",
	"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 -0700 MST", "2006-01-02T15:04:05Z0700",
	time.RFC1123, time.RFC1123Z,
}

// Time returns a point in time that may have come as a date, or as the seconds
// or milliseconds since 1970, as a number or a string; the zero time where it
// is none. It is in UTC.
func (m Members) Time(name string) time.Time {
	text := strings.TrimSpace(m.Word(name))
	if text == "" {
		return time.Time{}
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		const year10000 = 253402300800 // its first second; in milliseconds it is 1978
		switch {
		case math.IsNaN(n) || n <= 0 || n > 1e14:
			return time.Time{}
		case n >= year10000:
			return time.UnixMilli(int64(n)).UTC()
		}
		whole, fraction := math.Modf(n)
		return time.Unix(int64(whole), int64(fraction*1e9)).UTC()
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// Object returns the member name as an object, nil where it is none.
func (m Members) Object(name string) Members {
	var inner Members
	if !decode(m[name], &inner) {
		return nil
	}
	return inner
}
