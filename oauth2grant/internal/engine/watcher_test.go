package engine

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatcher_WakesARefresherWhoseTimersStoodStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var clock jump
		w := Watcher{Now: clock.now}
		s := &script{}
		e := start(t, s.run, func(cfg *Config[int]) { cfg.Passive, cfg.Now = false, clock.now })
		leave := w.Join(e.Wake)
		defer leave()
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
		var woken atomic.Int64
		leave := w.Join(func() { woken.Add(1) })
		time.Sleep(24 * time.Hour)
		leave()
		if n := woken.Load(); n != 0 {
			t.Errorf("woken %d times", n)
		}
	})
}

func TestWatcher_LivesWhileSomebodyHasJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var clock jump
		w := Watcher{Now: clock.now}
		var a, b atomic.Int64
		leaveA, leaveB := w.Join(func() { a.Add(1) }), w.Join(func() { b.Add(1) })
		leaveA()
		leaveA() // once more is no harm
		clock.by.Add(-int64(time.Hour))
		time.Sleep(watchEvery)
		synctest.Wait()
		if a.Load() != 0 || b.Load() != 1 {
			t.Errorf("woken %d and %d times, want 0 and 1", a.Load(), b.Load())
		}
		leaveB() // the bubble would not end with a goroutine left
		leave := w.Join(func() { a.Add(1) })
		clock.by.Add(int64(time.Hour))
		time.Sleep(watchEvery)
		synctest.Wait()
		leave()
		if a.Load() != 1 {
			t.Errorf("woken %d times after it was started again", a.Load())
		}
	})
}
