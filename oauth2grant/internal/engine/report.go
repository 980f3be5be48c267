package engine

import "context"

// mostReports is how many reports wait for a slow receiver at the most.
const mostReports = 64

// Report runs f soon, after what was reported before and outside any flight.
// Close waits for it. Of more than 64 that wait the oldest are dropped; f is
// told how many were since the report before it.
func (e *Engine[T]) Report(ctx context.Context, f func(ctx context.Context, dropped int)) {
	leave, ok := e.enter()
	if !ok {
		return
	}
	defer leave()
	e.report(ctx, f)
}

// report is Report from within what Close waits for.
func (e *Engine[T]) report(ctx context.Context, f func(ctx context.Context, dropped int)) {
	ctx = context.WithValue(context.WithoutCancel(ctx), linkKey{}, (*link)(nil)) // outside any flight
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.reports) == mostReports {
		e.reports[0] = report{}
		e.reports = e.reports[1:]
		e.dropped++
	}
	e.reports = append(e.reports, report{ctx: ctx, f: f})
	if !e.reporting {
		e.reporting = true
		e.wg.Go(e.runReports)
	}
}

// report is one that waits.
type report struct {
	ctx context.Context
	f   func(ctx context.Context, dropped int)
}

// runReports runs what is reported until there is no more, and keeps nothing of
// it.
func (e *Engine[T]) runReports() {
	done := false
	defer func() {
		if !done {
			e.wg.Go(e.runReports) // a report ended its goroutine: the others are not to be lost
		}
	}()
	for {
		e.mu.Lock()
		if len(e.reports) == 0 {
			e.reports, e.reporting, done = nil, false, true
			e.mu.Unlock()
			return
		}
		next, dropped := e.reports[0], e.dropped
		e.reports[0] = report{}
		e.reports, e.dropped = e.reports[1:], 0
		e.mu.Unlock()
		e.runReport(next, dropped)
	}
}

func (e *Engine[T]) runReport(r report, dropped int) {
	ctx, cancel := e.detach(r.ctx)
	defer cancel(nil)
	r.f(ctx, dropped)
}
