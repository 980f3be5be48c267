package oauth2grant_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// journal is a log at debug level, to be read in a bubble.
type journal struct{ bytes.Buffer }

func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// record returns the last record of a message.
func (j *journal) record(t *testing.T, message string) map[string]any {
	t.Helper()
	var found map[string]any
	for line := range strings.Lines(j.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		if record["msg"] == message {
			found = record
		}
	}
	if found == nil {
		t.Fatalf("no %q in the log:\n%s", message, j)
	}
	return found
}

// has checks members of a record.
func has(t *testing.T, record map[string]any, pairs ...any) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := record[pairs[i].(string)]; got != pairs[i+1] {
			t.Errorf("%v: %v is %v, want %v", record["msg"], pairs[i], got, pairs[i+1])
		}
	}
}

func TestLogger_SaysAtDebugLevelWhatIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, shared, log := granttest.New(granttest.Config{}), newBackend(), &journal{}
		away := granttest.Fault{Status: http.StatusServiceUnavailable, Delay: 750 * time.Millisecond}
		srv.Break(granttest.Discovery, away)
		srv.Break(granttest.OpenIDConfiguration, away)
		cfg := configFor(srv)
		cfg.Name, cfg.Store, cfg.Logger, cfg.Refresh.Disabled = "orders", store{shared}, log.logger(), true
		g := open(t, alice(), cfg)

		if err := g.EnsureActiveToken(t.Context()); !oauth2grant.IsTransient(err) {
			t.Fatal(err)
		}
		synctest.Wait()
		record := log.record(t, "server not discovered")
		has(t, record, "level", "DEBUG", "grant", "orders", "server", "auth.granttest.example", "took", 1.5)
		if text, _ := record["error"].(string); !strings.Contains(text, "503") {
			t.Errorf("the error is %v", record["error"])
		}

		time.Sleep(time.Minute)
		srv.Break(granttest.Discovery, granttest.Fault{Delay: 250 * time.Millisecond})
		if err := shared.turn.Acquire(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(3*time.Second, func() { shared.turn.Release(1) })
		ensure(t, g)
		synctest.Wait()
		has(t, log.record(t, "waiting for the lock"), "level", "DEBUG", "grant", "orders")
		has(t, log.record(t, "lock taken"), "level", "DEBUG", "grant", "orders", "waited", 3.0)
		has(t, log.record(t, "server discovered"), "level", "DEBUG", "server", "auth.granttest.example", "took", 0.25)
		has(t, log.record(t, "token obtained"), "level", "INFO", "op", "password")

		other := &journal{}
		cfg.Logger = other.logger()
		ensure(t, open(t, alice(), cfg))
		synctest.Wait()
		has(t, other.record(t, "token adopted"), "level", "DEBUG", "grant", "orders")
	})
}

func TestLogger_SaysThatALoginIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &journal{}
		s := newSession(t, granttest.Config{SessionLifetime: 10 * time.Hour}, func(cfg *oauth2grant.Config) {
			cfg.Logger = log.logger()
		})
		pass(9*time.Hour + 30*time.Minute)
		record := log.record(t, "login due")
		has(t, record, "level", "WARN")
		said, _ := record["refresh_expiry"].(string)
		end, err := time.Parse(time.RFC3339, said)
		if err != nil || end.Sub(s.began.Add(10*time.Hour)).Abs() > time.Second {
			t.Errorf("the end is said to be %q", said)
		}
	})
}

func TestLogger_SaysThatTheLockWasNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, shared, log := granttest.New(granttest.Config{}), newBackend(), &journal{}
		shared.onLock = func() error { return errStoreDown }
		cfg := configFor(srv)
		cfg.Store, cfg.Logger, cfg.Refresh.Disabled = store{shared}, log.logger(), true
		wantIs(t, open(t, alice(), cfg).EnsureActiveToken(t.Context()), errStoreDown)
		synctest.Wait()
		has(t, log.record(t, "lock not taken"), "level", "DEBUG", "waited", 0.0, "error", errStoreDown.Error())
	})
}
