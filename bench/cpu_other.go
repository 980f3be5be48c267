//go:build !linux

package bench

import "time"

// processorTime is not known here.
func processorTime() time.Duration { return 0 }

var began = time.Now()

// threadTime is the time on the wall, since that of the thread is not known
// here.
func threadTime() time.Duration { return time.Since(began) }
