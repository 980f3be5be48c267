package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// processorTime returns how much of the processors this process has used.
func processorTime() time.Duration { return clock(unix.CLOCK_PROCESS_CPUTIME_ID) }

// threadTime returns how much of a processor this thread has used: what runs
// beside it on a busy machine does not count.
func threadTime() time.Duration { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

func clock(id int32) time.Duration {
	var t unix.Timespec
	must(unix.ClockGettime(id, &t))
	return time.Duration(t.Nano())
}
