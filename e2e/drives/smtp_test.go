package drives

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"strings"
	"sync"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// xoauth2 is XOAUTH2, by which mail servers take tokens.
type xoauth2 struct {
	ctx   context.Context //nolint:containedctx // smtp.Auth has none
	grant *oauth2grant.Grant
	user  string
}

func (x xoauth2) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if !server.TLS && server.Name != "127.0.0.1" {
		return "", nil, errors.New("the connection is not encrypted")
	}
	token, err := x.grant.AccessToken(x.ctx)
	return "XOAUTH2", []byte("user=" + x.user + "\x01auth=Bearer " + token + "\x01\x01"), err
}

func (xoauth2) Next(reason []byte, more bool) ([]byte, error) {
	if more {
		return nil, fmt.Errorf("the server refuses the token: %s", reason)
	}
	return nil, nil
}

// serveSMTP is a mail server on one connection, as far as signing in goes.
func serveSMTP(srv *granttest.Server, conn net.Conn) {
	defer conn.Close()
	fmt.Fprint(conn, "220 mail.example ready\r\n")
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		verb, rest, _ := strings.Cut(lines.Text(), " ")
		switch verb {
		case "EHLO":
			fmt.Fprint(conn, "250-mail.example\r\n250 AUTH XOAUTH2\r\n")
		case "AUTH":
			message, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "XOAUTH2 "))
			if err != nil || !bearer(srv, message) {
				fmt.Fprint(conn, "535 5.7.8 no good token\r\n")
				continue
			}
			fmt.Fprint(conn, "235 2.7.0 Accepted\r\n")
		case "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return
		}
	}
}

func TestXOAUTH2(t *testing.T) {
	srv, g := open(t)
	var servers sync.WaitGroup
	stampede(t, srv, g, func() error {
		conn, server := net.Pipe()
		servers.Go(func() { serveSMTP(srv, server) })
		c, err := smtp.NewClient(conn, "127.0.0.1")
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.Auth(xoauth2{t.Context(), g, "alice@example.com"}); err != nil {
			return err
		}
		return c.Quit()
	})
	servers.Wait()
}
