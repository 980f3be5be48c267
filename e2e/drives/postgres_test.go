package drives

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// servePostgres is a PostgreSQL server on one connection, as far as signing in
// by OAUTHBEARER (RFC 7628) goes.
func servePostgres(srv *granttest.Server, conn net.Conn) error {
	defer conn.Close()
	b := pgproto3.NewBackend(conn, conn)
	if _, err := b.ReceiveStartupMessage(); err != nil {
		return err
	}
	b.Send(&pgproto3.AuthenticationSASL{AuthMechanisms: []string{"OAUTHBEARER"}})
	if err := errors.Join(b.Flush(), b.SetAuthType(pgproto3.AuthTypeSASL)); err != nil {
		return err
	}
	m, err := b.Receive()
	if err != nil {
		return err
	}
	first, ok := m.(*pgproto3.SASLInitialResponse)
	if !ok || first.AuthMechanism != "OAUTHBEARER" || !bearer(srv, first.Data) {
		b.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28000", Message: "no good token"})
		return b.Flush()
	}
	b.Send(&pgproto3.AuthenticationOk{})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	if err := b.Flush(); err != nil {
		return err
	}
	_, err = b.Receive() // Terminate
	return err
}

// bearer reports whether a message of OAUTHBEARER has a good token.
func bearer(srv *granttest.Server, message []byte) bool {
	_, auth, found := bytes.Cut(message, []byte("auth="))
	header, _, ends := bytes.Cut(auth, []byte{1})
	return found && ends && authorized(srv, string(header))
}

// postgresConfig connects to servers within the test. Once they are no longer
// connected to, serving has them all.
func postgresConfig(
	t *testing.T, srv *granttest.Server, g *oauth2grant.Grant,
) (cfg *pgconn.Config, serving *sync.WaitGroup) {
	t.Helper()
	cfg, err := pgconn.ParseConfig("host=127.0.0.1 user=service dbname=app sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	cfg.OAuthTokenProvider = g.AccessToken
	serving = new(sync.WaitGroup)
	cfg.DialFunc = func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		serving.Go(func() { _ = servePostgres(srv, server) })
		return client, nil
	}
	return cfg, serving
}

func TestPostgreSQL(t *testing.T) {
	srv, g := open(t)
	cfg, serving := postgresConfig(t, srv, g)
	stampede(t, srv, g, func() error {
		conn, err := pgconn.ConnectConfig(t.Context(), cfg)
		if err != nil {
			return err
		}
		return conn.Close(t.Context())
	})
	serving.Wait()
}
