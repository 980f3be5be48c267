package keyringstore_test

import (
	"context"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/oauth2grant/go-oauth2grant/contrib/keyringstore"
)

// newPrompter takes the place, until the end of the test, of the program that
// asks for passwords. It shows nothing, and sends for each question a func that
// dismisses it.
func newPrompter(t *testing.T) (asked <-chan func()) {
	t.Helper()
	conn, err := dbus.ConnectSessionBus()
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	if reply, err := conn.RequestName("org.gnome.keyring.SystemPrompter", dbus.NameFlagDoNotQueue); err != nil ||
		reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("the name of the prompter: %v, %v", reply, err)
	}
	messages, questions := make(chan *dbus.Message, 100), make(chan func(), 100)
	conn.Eavesdrop(messages) // an exported method could not tell when its reply is on the way
	go func() {
		for m := range messages {
			if m.Type != dbus.TypeMethodCall {
				continue
			}
			caller, _ := m.Headers[dbus.FieldSender].Value().(string)
			conn.Send(&dbus.Message{Type: dbus.TypeMethodReply, Headers: map[dbus.HeaderField]dbus.Variant{
				dbus.FieldDestination: dbus.MakeVariant(caller), dbus.FieldReplySerial: dbus.MakeVariant(m.Serial()),
			}}, nil)
			if m.Headers[dbus.FieldMember].Value() != "BeginPrompting" {
				continue
			}
			callback, _ := m.Body[0].(dbus.ObjectPath)
			questions <- func() {
				conn.Object(caller, callback).Call("org.gnome.keyring.internal.Prompter.Callback.PromptDone",
					dbus.FlagNoReplyExpected)
			}
		}
	}()
	return questions
}

func TestPrompt_IsLeftAndItsAnswerIsReturned(t *testing.T) {
	s := stored(t)
	asked := newPrompter(t)
	lockKeyring(t)

	brief, leave := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { _, err := s.Load(brief); done <- err }()
	dismiss := <-asked
	leave()
	fails(t, <-done, context.Canceled)

	go func() { _, err := s.Load(t.Context()); done <- err }() // waits for the first question
	dismiss()
	(<-asked)()
	fails(t, <-done, keyringstore.ErrLocked)
}

func TestPrompt_ABusThatGoesAwayIsAnError(t *testing.T) {
	s := stored(t)
	asked := newPrompter(t)
	lockKeyring(t)
	done := make(chan error)
	go func() { _, err := s.Load(t.Context()); done <- err }()
	<-asked
	conn, err := dbus.SessionBus() // that of go-keyring
	must(t, err)
	must(t, conn.Close())
	fails(t, <-done, keyringstore.ErrUnavailable)
}
