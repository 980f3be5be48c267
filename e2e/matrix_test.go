package e2e

import (
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"
)

// row is something that a server may be asked for.
type row struct {
	name   string
	test   func(t *testing.T, s *authServer)
	absent map[string]string // why a kind of server does not have it, by its name
}

var rows = []row{
	{name: "client credentials", test: clientCredentials},
	{name: "password", test: password},
	{name: "refresh only, rotated", test: rotation},
	{name: "endpoints from the issuer alone", test: issuerAlone},
	{name: "endpoints given, nothing discovered", test: givenEndpoints},
	{name: "metadata by Discover", test: metadata},
	{name: "client_secret_basic, reserved characters", test: oddBasic},
	{name: "client_secret_post", test: secretPost},
	{name: "client_secret_post, reserved characters", test: oddPost, absent: map[string]string{
		fosite: "no such client",
	}},
	{name: "revocation, client credentials", test: revokeClientCredentials},
	{name: "revocation, password", test: revokePassword},
	{name: "revocation, refresh only", test: revokeRefreshOnly},
	{name: "introspection", test: introspection},
	{name: "userinfo", test: userInfo},
	{name: "wrong client secret", test: wrongSecret},
	{name: "wrong password", test: wrongPassword},
	{name: "unknown scope", test: unknownScope},
	{name: "client secret rotated in its file", test: rotatedSecretFile},
}

// TestMatrix_EveryGrantOnEveryServer fails unless every cell of the table that
// it prints says ok, or why there is nothing to test. Outside CI an empty cell,
// of a server that is not installed or a row that was not asked for, skips the
// test instead.
func TestMatrix_EveryGrantOnEveryServer(t *testing.T) {
	table := map[string]string{}
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			s := k.start(t, settings{})
			for _, r := range rows {
				fill(t, s, r, table)
			}
		})
	}
	t.Log("\n" + format(table))
	for _, r := range rows {
		for _, k := range kinds {
			switch got := table[r.name+k.name]; {
			case got == "ok", r.absent[k.name] != "" && got == absent+r.absent[k.name]:
			case got == "" && partial():
			default:
				t.Errorf("%s on %s: %q", r.name, k.name, got)
			}
		}
	}
}

const absent = "—: "

// fill writes one cell, unless the test is not to be run.
func fill(t *testing.T, s *authServer, r row, table map[string]string) {
	cell := r.name + s.kind
	if why := r.absent[s.kind]; why != "" {
		table[cell] = absent + why
		return
	}
	t.Run(r.name, func(t *testing.T) {
		table[cell] = "failed"
		r.test(t, s)
		if !t.Failed() {
			table[cell] = "ok"
		}
	})
}

func format(table map[string]string) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, k := range kinds {
		fmt.Fprintf(w, "\t%s", k.name)
	}
	fmt.Fprintln(w)
	for _, r := range rows {
		fmt.Fprint(w, r.name)
		for _, k := range kinds {
			fmt.Fprintf(w, "\t%s", table[r.name+k.name])
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	return text.String()
}
