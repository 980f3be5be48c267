package otelgrant

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// instruments are those that events are recorded with.
type instruments struct {
	duration  metric.Float64Histogram
	waiters   metric.Int64Histogram
	remaining metric.Float64Histogram
	events    metric.Int64Counter
	dropped   metric.Int64Counter
}

func newInstruments(meter metric.Meter) (in instruments, err error) {
	var all [5]error
	in.duration, all[0] = meter.Float64Histogram("oauth2.client.acquisition.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of renewals and sign-ins."),
		metric.WithExplicitBucketBoundaries(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300))
	in.waiters, all[1] = meter.Int64Histogram("oauth2.client.acquisition.waiters", metric.WithUnit("{caller}"),
		metric.WithDescription("Callers that waited for one renewal or sign-in."),
		metric.WithExplicitBucketBoundaries(0, 1, 2, 5, 10, 50, 100, 500, 1000, 10000))
	in.remaining, all[2] = meter.Float64Histogram("oauth2.client.renewal.remaining", metric.WithUnit("s"),
		metric.WithDescription("Remaining lifetime of tokens when they were replaced."),
		metric.WithExplicitBucketBoundaries(0, 1, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 14400, 86400))
	in.events, all[3] = meter.Int64Counter("oauth2.client.events", metric.WithUnit("{event}"),
		metric.WithDescription("What happened to tokens."))
	in.dropped, all[4] = meter.Int64Counter("oauth2.client.events.dropped", metric.WithUnit("{event}"),
		metric.WithDescription("Events that were dropped since a receiver was slow."))
	return in, errors.Join(all[:]...)
}

// observeStatus has the status of g read whenever metrics are collected.
func observeStatus(meter metric.Meter, g *oauth2grant.Grant, name attribute.KeyValue) (metric.Registration, error) {
	expiry, err1 := meter.Float64ObservableGauge("oauth2.client.token.expiry", metric.WithUnit("s"),
		metric.WithDescription("Time until the token held ends."))
	usable, err2 := meter.Int64ObservableGauge("oauth2.client.token.usable", metric.WithUnit("{token}"),
		metric.WithDescription("Tokens held that can be used: one or none."))
	failures, err3 := meter.Int64ObservableGauge("oauth2.client.failures", metric.WithUnit("{failure}"),
		metric.WithDescription("Failed attempts in a row."))
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	which := metric.WithAttributes(name)
	return meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s := g.Status()
		if s.State == oauth2grant.StateClosed {
			return nil
		}
		if !s.Expiry.IsZero() {
			o.ObserveFloat64(expiry, time.Until(s.Expiry).Seconds(), which)
		}
		held := int64(0)
		if s.Usable {
			held = 1
		}
		o.ObserveInt64(usable, held, which)
		o.ObserveInt64(failures, int64(s.Failures), which)
		return nil
	}, expiry, usable, failures)
}
