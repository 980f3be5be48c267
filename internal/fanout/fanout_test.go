package fanout

import (
	"runtime"
	"testing"
)

func TestTopics_SubscribersAreTold(t *testing.T) {
	var s Set
	told := map[string]int{}
	s.Tell("a")
	stop := s.Add("a", func() { told["a1"]++ })
	s.Add("a", func() { told["a2"]++ })
	s.Add("b", func() { told["b"]++ })
	s.Tell("a")
	s.TellAll()
	stop()
	stop()
	s.Tell("a")
	if told["a1"] != 2 || told["a2"] != 3 || told["b"] != 1 {
		t.Errorf("told %v", told)
	}
}

func TestTopics_NothingIsKeptAfterStop(t *testing.T) {
	var s Set
	s.Add("a", func() {})()
	if len(s.topics) != 0 {
		t.Errorf("%d topics are left", len(s.topics))
	}
}

func TestTopics_StopWaitsForACallUnderWay(t *testing.T) {
	var s Set
	entered, release, told := make(chan struct{}), make(chan struct{}), make(chan struct{})
	finished := false // the race detector sees a stop that does not wait, too
	stop := s.Add("a", func() {
		close(entered)
		<-release
		for range 100 {
			runtime.Gosched()
		}
		finished = true
	})
	go func() { s.Tell("a"); close(told) }()
	<-entered
	close(release)
	stop()
	if !finished {
		t.Error("stop did not wait")
	}
	<-told
}
