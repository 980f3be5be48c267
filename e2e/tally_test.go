package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
)

// tally counts the kills by what became of the token.
type tally struct {
	mu     sync.Mutex
	keys   []kill
	counts map[kill]int
}

type kill struct {
	server, store string
	at            point
	became        outcome
}

func (c *tally) add(on combination, at point, became outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[kill]int{}
	}
	key := kill{on.name, on.store.name, at, became}
	if !slices.Contains(c.keys, key) {
		c.keys = append(c.keys, key)
	}
	c.counts[key]++
}

// kills is how many there were at a point.
func (c *tally) kills(on combination, at point) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, count := range c.counts {
		if key.server == on.name && key.store == on.store.name && key.at == at {
			n += count
		}
	}
	return n
}

func (c *tally) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SERVER\tSTORE\tKILLED\tTIMES\tOUTCOME")
	slices.SortStableFunc(c.keys, func(a, b kill) int { return strings.Compare(a.server+a.store, b.server+b.store) })
	for _, k := range c.keys {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", k.server, k.store, k.at, c.counts[k], k.became)
	}
	w.Flush()
	return text.String()
}
