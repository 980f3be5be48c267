package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/oauth2grant/go-oauth2grant/contrib/pgstore"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

func TestMigrate_MayBeRepeatedAndRunByMany(t *testing.T) {
	server := testservers.StartPostgres(t)
	s := open(t, server.URL()+" alice", pgstore.Config{})
	var g errgroup.Group
	for range 20 {
		g.Go(func() error { return pgstore.Migrate(t.Context(), s.pool) })
	}
	must(t, g.Wait())
	must(t, s.Save(t.Context(), older))
	must(t, pgstore.Migrate(t.Context(), s.pool))
	holds(t, s, older)
	var version, rows int
	must(t,
		s.pool.QueryRow(t.Context(), `SELECT max(version), count(*) FROM oauth2grant_migrations`).Scan(&version, &rows))
	if version != rows || version == 0 {
		t.Errorf("version %d after %d migrations", version, rows)
	}
	// By a later version of the package.
	_, err := s.pool.Exec(t.Context(), `INSERT INTO oauth2grant_migrations (version) VALUES (1000)`)
	must(t, errors.Join(err, pgstore.Migrate(t.Context(), s.pool)))
	holds(t, s, older)
}

func TestStore_SaysThatItsTableIsMissing(t *testing.T) {
	server := testservers.StartPostgres(t)
	s := open(t, server.URL()+" alice", pgstore.Config{})
	_, loadErr := s.Load(t.Context())
	_, _, lockErr := s.Lock(t.Context())
	for what, err := range map[string]error{
		"Load": loadErr, "Save": s.Save(t.Context(), older), "Delete": s.Delete(t.Context()), "Lock": lockErr,
	} {
		if refused, ok := errors.AsType[*pgstore.ServerError](err); !ok || refused.Code != "42P01" {
			t.Errorf("%s gave %v", what, err)
		}
	}
}

func TestSchema_IsAPlaceOfItsOwn(t *testing.T) {
	server, pool := start(t)
	in := func(schema string) closing {
		_, err := pool.Exec(t.Context(), `CREATE SCHEMA `+pgx.Identifier{schema}.Sanitize())
		must(t, err)
		cfg := sealed
		cfg.Schema = schema
		s := open(t, server.URL()+" alice", cfg)
		must(t, errors.Join(pgstore.MigrateSchema(t.Context(), s.pool, schema), s.family.Check(t.Context())))
		return s
	}
	one, other := in("one"), in(`an "otherone`)
	lock(t, one)
	held, _ := lock(t, other) // another lock
	must(t, errors.Join(one.Save(t.Context(), older), other.Save(held, newer)))
	holds(t, one, older)
	holds(t, other, newer)
	_, err := pool.Exec(t.Context(),
		`UPDATE one.oauth2grant_tokens SET token = (SELECT token FROM "an ""otherone".oauth2grant_tokens)`)
	must(t, err)
	_, err = one.Load(t.Context())
	fails(t, err, seal.ErrOpen)
}

func TestCheck_LooksAtTheServerAndTheTable(t *testing.T) {
	for name, c := range map[string]struct{ user, sql, want string }{
		"a table of an earlier version": {
			"postgres", `DELETE FROM oauth2grant_migrations`, "call Migrate",
		},
		"no table": {
			"postgres", `ALTER TABLE oauth2grant_migrations RENAME TO elsewhere`, "call Migrate",
		},
		"a server that is read-only": {
			"postgres", `ALTER DATABASE postgres SET default_transaction_read_only = on`, "target_session_attrs",
		},
		"another isolation level": {
			"postgres", `ALTER DATABASE postgres SET default_transaction_isolation = serializable`, "read committed",
		},
		"a user without rights": {
			"poor", `CREATE USER poor; GRANT SELECT ON oauth2grant_migrations TO poor`, "SELECT, INSERT or UPDATE",
		},
		"a user of none": {"nobody", `SELECT 1`, "user is wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			server, pool := start(t)
			must(t, open(t, server.URL()+" alice", pgstore.Config{}).family.Check(t.Context()))
			_, err := pool.Exec(t.Context(), c.sql)
			must(t, err)
			s := open(t, strings.Replace(server.URL(), "postgres@", c.user+"@", 1)+" alice", pgstore.Config{})
			_, _, lockErr := s.Lock(t.Context())
			for what, err := range map[string]error{"Check": s.family.Check(t.Context()), "Lock": lockErr} {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s returned %v", what, err)
				}
			}
		})
	}
}

func TestSave_OnAFullDiskLosesNothing(t *testing.T) {
	server, pool := start(t)
	s := open(t, server.URL()+" alice", pgstore.Config{})
	must(t, s.Save(t.Context(), older))
	_, err := pool.Exec(t.Context(), `
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'full' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER full_disk BEFORE UPDATE ON oauth2grant_tokens EXECUTE FUNCTION full_disk()`)
	must(t, err)
	_, _, lockErr := s.Lock(t.Context())
	for what, err := range map[string]error{"Save": s.Save(t.Context(), newer), "Lock": lockErr} {
		if err == nil || !strings.Contains(err.Error(), "disk is full") {
			t.Errorf("%s returned %v", what, err)
		}
	}
	holds(t, s, older)
	_, err = pool.Exec(t.Context(), `DROP TRIGGER full_disk ON oauth2grant_tokens`)
	must(t, errors.Join(err, s.Save(t.Context(), newer)))
	holds(t, s, newer)
}

func TestSave_RefusesAKeyThatPostgreSQLCannotKeep(t *testing.T) {
	server, _ := start(t)
	s := open(t, server.URL()+" alice", pgstore.Config{})
	var long strings.Builder
	for n := range 20_000 {
		fmt.Fprintf(&long, "%x", n*n)
	}
	for key, code := range map[string]string{
		"": "", " ": "", "e\u0301": "", "\u00e9": "", strings.Repeat("x", 2000): "",
		"a\x00b": "22021", "\xff": "22021", long.String(): "54000",
	} {
		err := s.family.Store(key).Save(t.Context(), older)
		if refused, ok := errors.AsType[*pgstore.ServerError](err); ok != (code != "") || ok && refused.Code != code {
			t.Errorf("a key of %d bytes: %v, want %q", len(key), err, code)
		}
	}
}

func TestSave_ARefusalShowsNothingOfTheRow(t *testing.T) {
	server, pool := start(t)
	_, err := pool.Exec(t.Context(), `ALTER TABLE oauth2grant_tokens ADD CHECK (length(token) < 10)`)
	must(t, err)
	s := open(t, server.URL()+" alice", pgstore.Config{})
	err = s.Save(t.Context(), older)
	if refused, ok := errors.AsType[*pgstore.ServerError](err); !ok || refused.Code != "23514" {
		t.Errorf("Save gave %v", err)
	}
	// "marked", as PostgreSQL writes bytes.
	if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "6d61726b6564") {
		t.Errorf("the error shows the row: %v", err)
	}
}

func TestNew_RefusesWhatCannotWork(t *testing.T) {
	pool, err := pgxpool.New(context.Background(), "postgres://127.0.0.1:1/none")
	must(t, err)
	defer pool.Close()
	for name, c := range map[string]struct {
		pool *pgxpool.Pool
		cfg  pgstore.Config
	}{
		"no pool":                   {nil, pgstore.Config{}},
		"a lease that is too short": {pool, pgstore.Config{Lease: 1}},
		"a negative lease":          {pool, pgstore.Config{Lease: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			if f, err := pgstore.New(c.pool, c.cfg); err == nil {
				t.Errorf("New gave %v", f)
			}
		})
	}
}

func TestDelete_KeepsTheVersion(t *testing.T) {
	server, pool := start(t)
	s := open(t, server.URL()+" alice", pgstore.Config{})
	must(t, errors.Join(s.Save(t.Context(), older), s.Delete(t.Context()), s.Delete(t.Context())))
	var version int
	must(t, pool.QueryRow(t.Context(), `SELECT version FROM oauth2grant_tokens WHERE key = 'alice' AND token IS NULL`).
		Scan(&version))
	if version != 3 {
		t.Errorf("version %d after a save and two deletes", version)
	}
	if _, err := s.Load(t.Context()); !errors.Is(err, oauth2grant.ErrNoToken) {
		t.Errorf("Load gave %v", err)
	}
}
