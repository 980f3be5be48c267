package challenge

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	type params = map[string]string
	for _, c := range []struct {
		name   string
		values []string
		want   []Challenge
	}{
		{"none", nil, nil},
		{"an empty one", []string{"", " , "}, nil},
		{"a scheme alone", []string{"Bearer"}, []Challenge{{"bearer", nil}}},
		{
			"that of RFC 6750 §3",
			[]string{`Bearer realm="example", error="invalid_token", error_description="The access token expired"`},
			[]Challenge{
				{
					"bearer", params{
						"realm": "example", "error": "invalid_token", "error_description": "The access token expired",
					},
				},
			},
		},
		{
			// RFC 9110 §11.6.1.
			"two in one header",
			[]string{`Newauth realm="apps", type=1, title="Login to \"apps\"", Basic realm="simple"`},
			[]Challenge{
				{"newauth", params{"realm": "apps", "type": "1", "title": `Login to "apps"`}},
				{"basic", params{"realm": "simple"}},
			},
		},
		{
			"two headers",
			[]string{`Basic realm="a"`, `DPoP error="use_dpop_nonce", algs="ES256 PS256"`},
			[]Challenge{
				{"basic", params{"realm": "a"}}, {"dpop", params{"error": "use_dpop_nonce", "algs": "ES256 PS256"}},
			},
		},
		{
			"names in any case", []string{`BEARER ERROR=invalid_token`}, []Challenge{
				{"bearer", params{"error": "invalid_token"}},
			},
		},
		{
			"white space around the sign", []string{"Bearer error\t = \"x\" ,,scope = y"}, []Challenge{
				{"bearer", params{"error": "x", "scope": "y"}},
			},
		},
		{
			"a quoted string with the syntax in it",
			[]string{`Bearer realm="a, Basic error=\"no\"", error=yes`},
			[]Challenge{{"bearer", params{"realm": `a, Basic error="no"`, "error": "yes"}}},
		},
		{
			"a quoted string without an end",
			[]string{`Bearer error="inval`},
			[]Challenge{{"bearer", params{"error": "inval"}}},
		},
		{"a backslash at the end", []string{`Bearer error="x\`}, []Challenge{{"bearer", params{"error": "x"}}}},
		{
			"a name twice: the first counts",
			[]string{`Bearer error=a, error=b`},
			[]Challenge{{"bearer", params{"error": "a"}}},
		},
		{
			"a token of another scheme before ours", []string{`Negotiate YII=, Bearer error=x`}, []Challenge{
				{"negotiate", params{"yii": ""}}, {"bearer", params{"error": "x"}},
			},
		},
		{"bytes that fit nowhere", []string{"\x00é=;Bearer error=x"}, []Challenge{{"bearer", params{"error": "x"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Read(c.values); !reflect.DeepEqual(got, c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestRead_StaysWithinLimits(t *testing.T) {
	for _, c := range []struct {
		name    string
		values  []string
		schemes int
		params  int
	}{
		{"words without end", []string{strings.Repeat("a ", 4<<20)}, maxChallenges, 0},
		{"params without end", []string{"Bearer " + strings.Repeat(`a="b",`, 1<<20)}, 1, 1},
		{"new params without end", []string{"Bearer " + many(100_000)}, 2, maxParams},
		{"quotes", []string{strings.Repeat(`"`, 8<<20)}, 0, 0},
		{"backslashes", []string{"Bearer a=" + strings.Repeat(`"\`, 4<<20)}, maxChallenges, 1},
		{"spaces", []string{"Bearer " + strings.Repeat("a   =", 1<<20)}, 1, 1},
		{"open quotes", []string{strings.Repeat(`a="`, 2<<20)}, maxChallenges, 1},
		{"commas", []string{strings.Repeat(",", 8<<20) + "Bearer"}, 0, 0},
		{"many headers", slices.Repeat([]string{"Bearer error=x"}, 100_000), maxChallenges, 1},
		{"many empty headers", append(slices.Repeat([]string{""}, 100_000), "Bearer error=x"), 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []Challenge
			allocated := testing.AllocsPerRun(1, func() { got = Read(c.values) })
			if len(got) > c.schemes || allocated > 5000 {
				t.Errorf("%d schemes, %.0f allocations", len(got), allocated)
			}
			for _, challenge := range got {
				if len(challenge.Params) > c.params {
					t.Errorf("%d params", len(challenge.Params))
				}
			}
		})
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "p%x=1,", i)
	}
	return b.String()
}
