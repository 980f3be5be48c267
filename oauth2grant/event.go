package oauth2grant

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// EventKind says what happened to a grant's token.
type EventKind int

// Kinds of events.
const (
	// EventObtained: the server issued a token to this grant.
	EventObtained EventKind = iota + 1
	// EventAdopted: a token that another process had put into the [Store] was
	// taken over.
	EventAdopted
	// EventSet: [Grant.SetToken] brought a token.
	EventSet
	// EventDropped: there is no token any more, by [Grant.Revoke] or since the
	// [Store] was emptied.
	EventDropped
	// EventFailed: an attempt to obtain a token failed.
	EventFailed
	// EventNotSaved: the [Store] does not hold what it should. The token is
	// used all the same, and saving it is tried again.
	EventNotSaved
	// EventLoginRequired: only a person can obtain the next token.
	EventLoginRequired
	// EventLoginDue: the refresh token ends soon, and with it the session, as
	// the server has said; a refresh has not put that off, or has failed. Only
	// a person can obtain the next one. It comes once for each end: a tenth of
	// the refresh token's life ahead, at least 10 min and at most a day, but
	// not more than half of that life. With [Refresh].Disabled it waits for a
	// renewal that a call needs.
	EventLoginDue
	// EventWaiting: a call without a usable token has waited 2 s for the lock
	// of the [Store]; most likely somebody is signing in elsewhere. Only a
	// grant that may need a person says so.
	EventWaiting
)

// String returns the kind in lower case, such as "obtained" or "login
// required".
func (k EventKind) String() string {
	names := [...]string{
		"unknown", "obtained", "adopted", "set", "dropped", "failed", "not saved", "login required", "login due",
		"waiting for a sign-in elsewhere",
	}
	if k < 0 || int(k) >= len(names) {
		return names[0]
	}
	return names[k]
}

// Event says that something happened to a grant's token. Its fields hold no
// secret but for Token, which shows none when it is given to fmt or slog.
type Event struct {
	Kind EventKind

	// Op is the request that led to the event, such as "refresh_token" or
	// "client_credentials". It is empty where no request did.
	Op string

	// Token is the new token of [EventObtained], [EventAdopted] and [EventSet].
	Token Token

	// Err is the error of [EventFailed], [EventNotSaved] and
	// [EventLoginRequired].
	Err error

	// RefreshExpiry is when the refresh token of [EventLoginDue] ends.
	RefreshExpiry time.Time

	// RetryIn is the time until the background tries again. If zero, it does
	// not.
	RetryIn time.Duration

	// Started and Duration are those of the renewal or sign-in; zero for events
	// of other calls.
	Started  time.Time
	Duration time.Duration

	// Waiters is the number of callers that have waited for it.
	Waiters int

	// Dropped is the number of events before this one that were dropped, since
	// a receiver was slow. The queue keeps the last 64.
	Dropped int
}

// String returns the kind of the event and what led to it.
func (e Event) String() string {
	var b strings.Builder
	b.WriteString("Event{" + e.Kind.String())
	if e.Op != "" {
		b.WriteString(", op " + e.Op)
	}
	if e.Token != (Token{}) {
		b.WriteString(", " + e.Token.String())
	}
	if e.Err != nil {
		b.WriteString(", " + e.Err.Error())
	}
	b.WriteByte('}')
	return b.String()
}

// Format implements [fmt.Formatter]: no verb shows a secret.
func (e Event) Format(f fmt.State, _ rune) { formatRedacted(f, e.String()) }

// LogValue implements [slog.LogValuer].
func (e Event) LogValue() slog.Value { return slog.StringValue(e.String()) }

// MarshalText implements [encoding.TextMarshaler]: JSON that contains an Event,
// such as slog's, shows no secret.
func (e Event) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// subscribers are the receivers of a grant's events beside [Config.OnEvent].
type subscribers struct {
	// mu guards what follows.
	mu  sync.Mutex
	all []*subscriber // in the order of their subscription
}

type subscriber struct {
	f       func(context.Context, Event)
	turn    chan struct{} // holds one word during a call of f; guards stopped
	stopped bool
}

// Subscribe has f called with every [Event] of the grant from now on, one after
// another, until stop is called or the grant is closed. stop waits for a call
// that is under way and so must not be called from f; after it f is not called
// any more.
//
// Events come after those who waited were released, in order, from one queue: a
// slow f delays the other receivers, never a renewal. f may call the grant, but
// not [Grant.Close]. Its ctx has the values of the call that led to the event.
// It ends when the grant is closed; then f must return. It also ends soon after
// f has returned: what f starts and leaves behind needs
// [context.WithoutCancel].
func (g *Grant) Subscribe(f func(ctx context.Context, e Event)) (stop func()) {
	if g.grant == nil || f == nil {
		return func() {}
	}
	return g.subscribers.add(f)
}

func (s *subscribers) add(f func(context.Context, Event)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := &subscriber{f: f, turn: make(chan struct{}, 1)}
	s.all = append(s.all, one)
	return func() {
		s.remove(one)
		one.turn <- struct{}{}
		defer func() { <-one.turn }()
		one.stopped = true
	}
}

func (s *subscribers) remove(one *subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := make([]*subscriber, 0, len(s.all))
	for _, other := range s.all {
		if other != one {
			kept = append(kept, other)
		}
	}
	s.all = kept
}

func (s *subscribers) tell(ctx context.Context, e Event) {
	s.mu.Lock()
	all := s.all
	s.mu.Unlock()
	for _, one := range all {
		one.tell(ctx, e)
	}
}

func (s *subscriber) tell(ctx context.Context, e Event) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if !s.stopped {
		s.f(ctx, e)
	}
}

// tell logs an event and hands it to everybody who wants to know.
func (g *grant) tell(ctx context.Context, e Event) {
	g.logEvent(ctx, e)
	if g.cfg.OnEvent != nil {
		g.cfg.OnEvent(ctx, e)
	}
	g.subscribers.tell(ctx, e)
	if due, ok := g.loginDue(e); ok {
		g.tell(ctx, due)
	}
}

// report has an event told soon, outside every flight.
func (g *grant) report(ctx context.Context, e Event) {
	g.engine.Report(ctx, func(ctx context.Context, dropped int) {
		e.Dropped = dropped
		g.tell(ctx, e)
	})
}

// reportAfter has an event of a flight told when its waiters were released.
func (g *grant) reportAfter(f *flight, e Event) {
	e.Started = f.Started()
	e.Duration = time.Since(e.Started)
	f.Report(func(ctx context.Context, dropped int) {
		e.Dropped, e.Waiters = dropped, f.Waiters()
		g.tell(ctx, e)
	})
}

func (g *grant) logEvent(ctx context.Context, e Event) {
	level, text := slog.LevelInfo, "token "+e.Kind.String()
	attrs := make([]slog.Attr, 0, 4)
	switch e.Kind {
	case EventObtained, EventSet:
		attrs = append(attrs, slog.Any("token", e.Token))
	case EventAdopted:
		level, attrs = slog.LevelDebug, append(attrs, slog.Any("token", e.Token))
	case EventFailed, EventLoginRequired:
		level, text = slog.LevelWarn, "no new token"
	case EventNotSaved:
		level = slog.LevelWarn
	case EventLoginDue:
		level, text = slog.LevelWarn, e.Kind.String()
		attrs = append(attrs, slog.Time("refresh_expiry", e.RefreshExpiry))
	case EventWaiting:
		text = e.Kind.String()
	}
	if e.Op != "" {
		attrs = append(attrs, slog.String("op", e.Op))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.Any("error", e.Err), slog.Float64("retry_in", e.RetryIn.Seconds()))
	}
	if e.Dropped > 0 {
		attrs = append(attrs, slog.Int("events_dropped", e.Dropped))
	}
	g.log.LogAttrs(ctx, level, text, attrs...)
}
