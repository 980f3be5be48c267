package leasestore_test

import (
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/leasestore"
)

var (
	now  = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	soon = now.Add(time.Second)
)

func TestRecord_Change(t *testing.T) {
	record := leasestore.Record{Version: 5, Mark: "m", Fence: 7, Writer: 6}
	mine, answered := record, record
	mine.Writer = 7
	answered.Mark, answered.Answered = "", "m"
	for name, c := range map[string]struct {
		record leasestore.Record
		change leasestore.Change
		want   bool
	}{
		"without a lock":                                {record, leasestore.Change{}, true},
		"with the last lock":                            {record, leasestore.Change{Fence: 7, Version: 5}, true},
		"with a lock of before":                         {record, leasestore.Change{Fence: 6, Version: 5}, false},
		"with the lock, though somebody has changed it": {record, leasestore.Change{Fence: 7, Version: 4}, false},
		"with the lock, by whose holder it was changed": {mine, leasestore.Change{Fence: 7, Version: 4}, true},
		"an answer to its mark":                         {record, leasestore.Change{Answers: "m"}, true},
		"an answer to another mark":                     {record, leasestore.Change{Answers: "n"}, false},
		"an answer again":                               {answered, leasestore.Change{Answers: "m"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.record
			c.change.Token, c.change.Mark, c.change.Hold = []byte("new"), "next", time.Second
			if got := r.Change(c.change, now); got != c.want {
				t.Fatalf("Change returned %t", got)
			}
			if !c.want {
				return
			}
			writer := c.change.Fence
			if c.change.Answers != "" {
				writer = c.record.Writer
			}
			if string(r.Token) != "new" || r.Mark != "next" || r.Answered != c.change.Answers || r.Version != 6 ||
				r.Writer != writer ||
				!r.Until.Equal(soon) || r.Fence != c.record.Fence {
				t.Errorf("the record is %+v", r)
			}
		})
	}
}

func TestRecord_TryLock(t *testing.T) {
	for name, c := range map[string]struct {
		record leasestore.Record
		notice time.Duration
		want   leasestore.Try
		until  time.Time
	}{
		"a new record": {leasestore.Record{}, time.Minute, leasestore.Try{Fence: now.UnixMicro()}, soon},
		"a released lock": {
			leasestore.Record{Fence: now.UnixMicro() + 9, Version: 3, Mark: "m"},
			time.Minute,
			leasestore.Try{Fence: now.UnixMicro() + 10, Version: 3},
			soon,
		},
		"a lease": {leasestore.Record{Until: soon}, 0, leasestore.Try{Wait: time.Second}, soon},
		"one that is over": {
			leasestore.Record{Until: now}, time.Minute, leasestore.Try{Fence: now.UnixMicro()}, soon,
		},
		"with a mark": {
			leasestore.Record{Until: now, Mark: "m"},
			time.Minute,
			leasestore.Try{Wait: time.Minute},
			now.Add(time.Minute),
		},
		"with a mark, watched": {
			leasestore.Record{Until: now, Mark: "m"}, 0, leasestore.Try{Fence: now.UnixMicro()}, soon,
		},
		"with a mark, still living": {
			leasestore.Record{Until: soon, Mark: "m"}, time.Minute, leasestore.Try{Wait: time.Second}, soon,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.record.TryLock(now, time.Second, c.notice); got != c.want || !c.record.Until.Equal(c.until) {
				t.Errorf("TryLock returned %+v, and the lease lasts until %v", got, c.record.Until)
			}
		})
	}
}

func TestRecord_ExtendAndUnlockNeedTheFence(t *testing.T) {
	r := leasestore.Record{Fence: 7, Until: soon}
	if r.Extend(6, now, time.Hour) || !r.Extend(7, now, time.Millisecond) || !r.Until.Equal(soon) {
		t.Errorf("a lease is shortened, or extended by a stranger: %v", r.Until)
	}
	if !r.Extend(7, now, time.Hour) || !r.Until.Equal(now.Add(time.Hour)) {
		t.Errorf("the lease lasts until %v", r.Until)
	}
	r.Unlock(6)
	if r.Until.IsZero() {
		t.Error("a stranger has released the lock")
	}
	r.Unlock(7)
	if !r.Until.IsZero() || r.Extend(7, now, time.Hour) || r.Change(leasestore.Change{Fence: 7}, now) {
		t.Errorf("a released lock is still good: %+v", r)
	}
}
