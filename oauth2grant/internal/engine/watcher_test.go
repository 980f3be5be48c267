package engine

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// counter is a sleeper that counts how often it was woken.
type counter struct{ atomic.Int64 }

func (c *counter) Wake() { c.Add(1) }

func TestWatcher_WakesARefresherWhoseTimersStoodStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var clock jump
		w := Watcher{Now: clock.now}
		s := &script{}
		e := start(t, s.run, func(cfg *Config[int]) { cfg.Passive, cfg.Now, cfg.Watcher = false, clock.now, &w })
		gives(t, 1)(e.Get(t.Context()))
		synctest.Wait()
		clock.by.Add(int64(renewal))
		time.Sleep(watchEvery)
		synctest.Wait()
		s.ran(t, 2)
	})
}

func TestWatcher_WakesNobodyWhileTheClocksAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w Watcher
		var a counter
		w.Join(&a)
		time.Sleep(24 * time.Hour)
		w.Leave(&a)
		if n := a.Load(); n != 0 {
			t.Errorf("woken %d times", n)
		}
	})
}

func TestWatcher_LivesWhileSomebodyHasJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var clock jump
		w := Watcher{Now: clock.now}
		var a, b counter
		w.Join(&a)
		w.Join(&b)
		w.Leave(&a)
		w.Leave(&a) // once more is no harm
		clock.by.Add(-int64(time.Hour))
		time.Sleep(watchEvery)
		synctest.Wait()
		if a.Load() != 0 || b.Load() != 1 {
			t.Errorf("woken %d and %d times, want 0 and 1", a.Load(), b.Load())
		}
		w.Leave(&b) // the bubble would not end with a goroutine left
		w.Leave(&b)
		w.Join(&a)
		clock.by.Add(int64(time.Hour))
		time.Sleep(watchEvery)
		synctest.Wait()
		w.Leave(&a)
		if a.Load() != 1 {
			t.Errorf("woken %d times after it was started again", a.Load())
		}
	})
}
