package pgstore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/contrib/pgstore"
	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest/storetest"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

func TestMain(m *testing.M) {
	storetest.Subprocess(harness("plain", pgstore.Config{}), harness("sealed", sealed),
		harness("listening", pgstore.Config{Listen: true}))
	goleak.VerifyTestMain(m)
}

const keyText = "0123456789-very-marked-key-00000"

var (
	sealed = pgstore.Config{Keys: seal.Keys("k1", map[string][]byte{"k1": []byte(keyText)})}
	older  = oauth2grant.Token{
		AccessToken: "marked-secret-older", TokenType: "Bearer", RefreshToken: "marked-secret-r1",
	}
	newer = oauth2grant.Token{AccessToken: "marked-secret-newer", TokenType: "Bearer", RefreshToken: "marked-secret-r2"}
)

// closing is a store with a family and a pool of its own, as another process
// has them.
type closing struct {
	*pgstore.Store
	family *pgstore.Family
	pool   *pgxpool.Pool
}

func (c closing) Close() error {
	err := c.family.Close()
	c.pool.Close()
	return err
}

// openAt opens a store at "url key".
func openAt(place string, cfg pgstore.Config) (closing, error) {
	url, key, _ := strings.Cut(place, " ")
	if cfg.Lease == 0 {
		cfg.Lease = 3 * time.Second // less would bound what a busy machine does
	}
	pool, err := pgxpool.New(context.Background(), url)
	if err != nil {
		return closing{}, err
	}
	family, err := pgstore.New(pool, cfg)
	if err != nil {
		return closing{}, err
	}
	return closing{family.Store(key), family, pool}, nil
}

func open(tb testing.TB, place string, cfg pgstore.Config) closing {
	tb.Helper()
	s, err := openAt(place, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// start starts a server that has the table, and returns a pool for the test's
// own statements.
func start(tb testing.TB) (*testservers.Postgres, *pgxpool.Pool) {
	tb.Helper()
	server := testservers.StartPostgres(tb)
	pool, err := pgxpool.New(tb.Context(), server.URL())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pool.Close)
	if err := pgstore.Migrate(tb.Context(), pool); err != nil {
		tb.Fatal(err)
	}
	return server, pool
}

func harness(name string, cfg pgstore.Config) storetest.Harness {
	return storetest.Harness{
		Name:      name,
		Open:      func(place string) (oauth2grant.Store, error) { return openAt(place, cfg) },
		Processes: true,
		FreedIn:   progress.Limit,
		Notifies:  true,
		Answers:   true,
		Lease:     2 * time.Second,
		Secrets:   []string{keyText},
	}
}

func TestConformance(t *testing.T) {
	server, pool := start(t)
	keyOf := func(place string) string {
		_, key, _ := strings.Cut(place, " ")
		return key
	}
	n := 0
	for name, cfg := range map[string]pgstore.Config{"plain": {}, "sealed": sealed, "listening": {Listen: true}} {
		h := harness(name, cfg)
		h.Place = func(testing.TB) string { n++; return fmt.Sprintf("%s user-%d", server.URL(), n) }
		h.Corrupt = func(place string, data []byte) error {
			_, err := pool.Exec(context.Background(), `UPDATE oauth2grant_tokens SET token = $2 WHERE key = $1`,
				keyOf(place), data)
			return err
		}
		h.LoseLease = func(place string) error {
			_, err := pool.Exec(context.Background(),
				`UPDATE oauth2grant_tokens SET fence = fence + 1, until = NULL WHERE key = $1`, keyOf(place))
			return err
		}
		h.Break = func(string) (func(), error) { server.Stop(); return func() { server.Start(); pool.Reset() }, nil }
		t.Run(name, func(t *testing.T) { storetest.Run(t, h) })
	}
}
