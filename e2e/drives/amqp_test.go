package drives

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// keepSecret has a connection to RabbitMQ know each new token before the old
// one ends, since the broker closes it then. Call stop before conn.Close.
func keepSecret(g *oauth2grant.Grant, conn *amqp.Connection) (stop func()) {
	return g.Subscribe(func(_ context.Context, e oauth2grant.Event) {
		if e.Token.AccessToken == "" {
			return
		}
		if err := conn.UpdateSecret(e.Token.AccessToken, "renewed"); err != nil {
			log.Print("the broker did not take the new token: ", err) // the program connects anew when conn is closed
		}
	})
}

// broker is a RabbitMQ on one connection, as far as signing in and updating
// secrets goes.
type broker struct {
	srv     *granttest.Server
	secrets chan string // those that were good
}

// Methods of class 10, connection, of AMQP 0-9-1; update-secret is RabbitMQ's.
const (
	methodStart, methodStartOK               = 10, 11
	methodTune, methodTuneOK                 = 30, 31
	methodOpen, methodOpenOK                 = 40, 41
	methodClose, methodCloseOK               = 50, 51
	methodUpdateSecret, methodUpdateSecretOK = 70, 71
)

func (b broker) serve(conn net.Conn) error {
	defer conn.Close()
	in := bufio.NewReader(conn)
	if _, err := io.ReadFull(in, make([]byte, 8)); err != nil { // AMQP 0 0 9 1
		return err
	}
	start := append([]byte{0, 9}, longString("")...) // no properties
	start = append(append(start, longString("PLAIN")...), longString("en_US")...)
	if err := send(conn, methodStart, start); err != nil {
		return err
	}
	for {
		method, arguments, err := receive(in)
		if err != nil {
			return err
		}
		switch method {
		case methodStartOK:
			err = send(conn, methodTune, []byte{0, 0, 0, 2, 0, 0, 0, 0}) // frames of 128 KiB, no heartbeat
		case methodOpen:
			err = send(conn, methodOpenOK, []byte{0})
		case methodUpdateSecret:
			secret := string(arguments[4 : 4+binary.BigEndian.Uint32(arguments)])
			if !b.srv.Active(secret) {
				return errors.New("no good token")
			}
			b.secrets <- secret
			err = send(conn, methodUpdateSecretOK, nil)
		case methodClose:
			return send(conn, methodCloseOK, nil)
		case methodTuneOK:
		}
		if err != nil {
			return err
		}
	}
}

func longString(s string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...)
}

func send(w io.Writer, method uint16, arguments []byte) error {
	frame := []byte{1, 0, 0} // a method, of channel 0
	frame = binary.BigEndian.AppendUint32(frame, uint32(4+len(arguments)))
	frame = binary.BigEndian.AppendUint16(frame, 10)
	frame = binary.BigEndian.AppendUint16(frame, method)
	_, err := w.Write(append(append(frame, arguments...), 0xCE))
	return err
}

func receive(r io.Reader) (method uint16, arguments []byte, err error) {
	head := make([]byte, 7)
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, nil, err
	}
	rest := make([]byte, binary.BigEndian.Uint32(head[3:])+1)
	if _, err := io.ReadFull(r, rest); err != nil {
		return 0, nil, err
	}
	if head[0] != 1 || len(rest) < 5 {
		return 0, nil, errors.New("not a method")
	}
	return binary.BigEndian.Uint16(rest[2:]), rest[4 : len(rest)-1], nil
}

func TestAMQP_OneConnectionLivesThroughTwentyTokens(t *testing.T) {
	srv, g := open(t)
	token, err := g.AccessToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := broker{srv, make(chan string, 64)}
	var serving sync.WaitGroup
	dials := 0
	conn, err := amqp.DialConfig("amqp://rabbit.example/", amqp.Config{
		SASL: []amqp.Authentication{&amqp.PlainAuth{Password: token}},
		Dial: func(string, string) (net.Conn, error) {
			dials++
			client, server := net.Pipe()
			serving.Go(func() {
				if err := b.serve(server); err != nil {
					t.Error(err)
				}
			})
			return client, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	stop := keepSecret(g, conn)
	for range 20 {
		fetched, err := g.FetchToken(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for secret := ""; secret != fetched.AccessToken; {
			secret = <-b.secrets // once more the first one, whose event may come late
		}
	}
	stop() // before conn.Close, which an update under way would meet
	if conn.IsClosed() || dials != 1 {
		t.Errorf("closed: %v, connected %d times", conn.IsClosed(), dials)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	serving.Wait()
}
