package otelgrant

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

const scope = "github.com/oauth2grant/go-oauth2grant/contrib/otelgrant"

// The attributes.
const (
	keyName      = attribute.Key("oauth2.grant.name")
	keyOperation = attribute.Key("oauth2.operation")
	keyOutcome   = attribute.Key("oauth2.outcome")
	keyEvent     = attribute.Key("oauth2.event")
	keyWaiters   = attribute.Key("oauth2.waiters")
	keyError     = attribute.Key("error.type")
	keyServer    = attribute.Key("server.address")
)

// Config says where the telemetry of a grant goes.
type Config struct {
	// Name is the attribute oauth2.grant.name of everything. If empty, it is
	// the client ID. Two grants in one process need different names.
	Name string

	// MeterProvider makes the instruments. If nil, it is the global one.
	MeterProvider metric.MeterProvider

	// TracerProvider makes the spans. If nil, it is the global one.
	TracerProvider trace.TracerProvider
}

// Observe records what happens to the token of g from now on, until stop is
// called or g is closed. stop may be called more than once, but not from a
// receiver of g's events; after it nothing is recorded any more. The error is
// that of the MeterProvider; then nothing is observed.
func Observe(g *oauth2grant.Grant, cfg Config) (stop func(), err error) {
	if cfg.MeterProvider == nil {
		cfg.MeterProvider = otel.GetMeterProvider()
	}
	if cfg.TracerProvider == nil {
		cfg.TracerProvider = otel.GetTracerProvider()
	}
	if cfg.Name == "" {
		cfg.Name = g.Client().ClientID()
	}
	o := &observer{
		name:   keyName.String(cfg.Name),
		tracer: cfg.TracerProvider.Tracer(scope),
		expiry: g.Status().Expiry,
	}
	meter := cfg.MeterProvider.Meter(scope)
	if o.instruments, err = newInstruments(meter); err != nil {
		return nil, err
	}
	gauges, err := observeStatus(meter, g, o.name)
	if err != nil {
		return nil, err
	}
	unsubscribe := g.Subscribe(o.event)
	return sync.OnceFunc(func() {
		unsubscribe()
		_ = gauges.Unregister() // it fails for no instrument of ours
	}), nil
}

// observer makes telemetry of a grant's events.
type observer struct {
	instruments

	name   attribute.KeyValue
	tracer trace.Tracer
	expiry time.Time // that of the token held; events come one after another
}

func (o *observer) event(ctx context.Context, e oauth2grant.Event) {
	// Its ctx ends with the grant, and the last event is worth as much as the
	// others.
	ctx = context.WithoutCancel(ctx)
	o.events.Add(ctx, 1, metric.WithAttributes(o.name, keyEvent.String(eventName(e.Kind))))
	if e.Dropped > 0 {
		o.dropped.Add(ctx, int64(e.Dropped), metric.WithAttributes(o.name))
	}
	if outcome := outcomeOf(e.Kind); outcome != "" && !e.Started.IsZero() {
		o.acquisition(ctx, e, outcome)
	}
	switch e.Kind {
	case oauth2grant.EventObtained, oauth2grant.EventAdopted, oauth2grant.EventSet, oauth2grant.EventDropped:
		o.expiry = e.Token.Expiry
	}
}

// acquisition records one renewal or sign-in.
func (o *observer) acquisition(ctx context.Context, e oauth2grant.Event, outcome string) {
	which := []attribute.KeyValue{o.name, keyOutcome.String(outcome)}
	if e.Kind != oauth2grant.EventFailed && e.Kind != oauth2grant.EventLoginRequired && !o.expiry.IsZero() {
		left := max(0, o.expiry.Sub(e.Started.Add(e.Duration)))
		o.remaining.Record(ctx, left.Seconds(), metric.WithAttributes(which...))
	}
	if e.Op != "" {
		which = append(which, keyOperation.String(e.Op))
	}
	o.waiters.Record(ctx, int64(e.Waiters), metric.WithAttributes(which...))
	if e.Err != nil {
		which = append(which, keyError.String(errorType(e.Err)))
	}

	ctx, span := o.tracer.Start(ctx, spanName(e.Op), trace.WithTimestamp(e.Started),
		trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(which...), trace.WithAttributes(keyWaiters.Int(e.Waiters)))
	o.duration.Record(ctx, e.Duration.Seconds(), metric.WithAttributes(which...)) // with the span as its exemplar
	if e.Err != nil {
		span.SetStatus(codes.Error, errorType(e.Err))
		if answer, ok := errors.AsType[*oauth2grant.Error](e.Err); ok && answer.Host != "" {
			span.SetAttributes(keyServer.String(answer.Host))
		}
	}
	span.End(trace.WithTimestamp(e.Started.Add(e.Duration)))
}

func spanName(op string) string {
	if op == "" {
		return "oauth2"
	}
	return "oauth2 " + op
}
