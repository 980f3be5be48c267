package identity

import (
	"context"
	"time"
)

const (
	// keep is how long an assertion is used again at most: whatever the server
	// did not like about one is not repeated for long.
	keep = 5 * time.Minute
	// lead is how long before its end an assertion is not used any more; of one
	// that lives for less than five times as long it is a fifth of its life.
	lead = time.Minute
)

// Cache returns a Source that asks s again only when the last assertion is
// about to end: a minute before, or after four fifths of its life, and after
// five minutes at the latest. An assertion that says of no end is not kept.
// Concurrent callers wait for one answer, each on its own context. [Command],
// [URL], [GoogleMetadata] and [AzureMetadata] are cached already.
//
// Do not use it where the server takes an assertion only once.
func Cache(s Source) Source {
	c := &cache{source: s, turn: make(chan struct{}, 1)}
	return c.get
}

type cache struct {
	source Source
	turn   chan struct{} // taken by whoever uses the fields below
	last   string
	until  time.Time // on both clocks
}

func (c *cache) get(ctx context.Context) (string, error) {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { <-c.turn }()
	if now := time.Now(); c.last != "" && now.Before(c.until) && now.Round(0).Before(c.until.Round(0)) {
		return c.last, nil // by the clock that stands still in sleep, and by the one that can be set back
	}
	c.last = ""
	assertion, err := c.source(ctx)
	if err != nil {
		return "", err
	}
	now := time.Now()
	if end := expiryOf(assertion); end.After(now) {
		life := end.Sub(now)
		c.last, c.until = assertion, now.Add(min(keep, life-min(lead, life/5)))
	}
	return assertion, nil
}
