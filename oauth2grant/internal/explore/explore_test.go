package explore

import (
	"testing"
	"time"
)

func TestTrial(t *testing.T) {
	ops := []string{"renewal", "sign-in", "SetToken", "FetchToken", "RefreshToken", "Revoke", "Invalidate", "Close"}
	for i, a := range ops {
		for _, b := range ops[i:] {
			s := pair(a, b)
			s.Store, s.Faults, s.Orders, s.Depth = Leased, 1, 6, 12
			t.Run(s.Name, func(t *testing.T) {
				t.Parallel()
				start := time.Now()
				f := Search(t, s, func() bool { return time.Since(start) < 5*time.Second })
				t.Logf("%v in %v", f, time.Since(start))
			})
		}
	}
}

func pair(a, b string) *Scenario {
	s := &Scenario{Name: a + "+" + b, Stored: Fresh, Calls: []string{""}}
	for _, o := range []string{a, b} {
		switch o {
		case "renewal":
			s.Stored = Due
		case "sign-in":
			s.Interactive = true
			s.Calls[0] += " Token"
		default:
			s.Calls[0] += " " + o
		}
	}
	if s.Interactive {
		s.Stored = Nothing
		if a == "renewal" {
			s.Stored = Dead
		}
	}
	return s
}
