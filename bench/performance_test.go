package bench

import (
	"flag"
	"strings"
	"testing"
	"time"
)

var (
	scaleFlag = flag.String("scale", "tiny", "how much to measure: tiny, quick or full")
	pageFlag  = flag.String("page", "", "write the page to this file")
	onlyFlag  = flag.String("only", "ACDEFG", "the questions to ask")
	busyFlag  = flag.Bool("busy", false, "say on the page that the machine was busy")
	soakFlag  = flag.Duration("soak", 0, "how long question G takes, if not as long as the scale says")
)

// TestPerformance asks every question. At the scale of a test it makes sure
// that they can be asked; nothing that depends on the machine fails it.
func TestPerformance(t *testing.T) {
	sc, ok := scales[*scaleFlag]
	if !ok {
		t.Fatalf("there is no scale %q", *scaleFlag)
	}
	if *soakFlag > 0 {
		sc.soak = *soakFlag
	}
	var r report
	began := time.Now()
	for _, q := range []struct {
		name string
		ask  func()
	}{
		{"A", func() { questionA(&r, sc) }},
		{"C", func() { questionC(&r, sc) }},
		{"D", func() { questionD(&r, sc) }},
		{"E", func() { questionE(&r, sc) }},
		{"F", func() { questionF(t, &r, sc) }},
		{"G", func() { questionG(&r, sc) }},
	} {
		if strings.Contains(*onlyFlag, q.name) {
			start := time.Now()
			q.ask()
			t.Logf("question %s took %v", q.name, time.Since(start).Round(time.Millisecond))
		}
	}
	for _, table := range r.tables {
		t.Logf("%s", table)
		if len(table.rows) == 0 {
			t.Errorf("%q has no answer", table.title)
		}
	}
	for _, g := range r.goals {
		t.Logf("%s: %s: %s (%s), met: %v", g.question, g.what, g.got, g.want, g.met)
	}
	if *pageFlag == "" {
		return
	}
	if err := r.write(*pageFlag, *scaleFlag, *busyFlag, time.Since(began)); err != nil {
		t.Fatal(err)
	}
}

// TestPeers_ServeATokenByOneRequest holds the adapters to what the comparison
// takes for granted.
func TestPeers_ServeATokenByOneRequest(t *testing.T) {
	for _, p := range peers() {
		t.Run(p.name, func(t *testing.T) {
			s := &server{life: time.Hour}
			c := p.open(s, 0)
			defer c.close()
			for range 2 {
				got, err := c.token(t.Context())
				if err != nil || got != "token-00000001" {
					t.Fatalf("got %q, %v", got, err)
				}
			}
			req := request(1)
			err := c.header(req)
			if err != nil || !strings.HasSuffix(req.Header.Get("Authorization"), "token-00000001") {
				t.Errorf("the header is %q, %v", req.Header.Get("Authorization"), err)
			}
			if n := len(s.requests()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}
