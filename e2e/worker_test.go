package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"

	"golang.org/x/oauth2"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// This binary is also the worker processes of its tests: each has one grant on
// a shared store, does what orders on standard input say, and reports on
// standard output, in lines of JSON both ways. When its input ends, so does the
// worker.

// spec is what a worker is told at its start.
type spec struct {
	Store, Place string // by the name of a storeUnderTest
	Issuer       string
	Ahead        time.Duration // of its clock
	Refresh      oauth2grant.Refresh
	Peer         bool // golang.org/x/oauth2 instead of a grant
	SignIn       bool // at a browser where there is no token
	Own          bool // the library's own transport, which has no points and counts nothing
	Bound        bool // tokens are bound to a key
}

type (
	order struct {
		ID       int
		Do       errand
		Point    point         // of doStop
		Patience time.Duration // of doToken, doRenew and doEmpty; zero: for ever
		For      time.Duration // of doCall
	}
	report struct {
		ID              int   // of the order; zero: At a point
		At              point // where the worker waits for doGoOn
		Access, Refresh string
		Err             string
		Is              []string // the names of the errors in causes that Err is
		Calls           *calls   // of doCall
		Sent            sentRequests
	}
	errand string
)

const (
	doToken errand = "token"   // call for the token
	doRenew errand = "renew"   // renew it now
	doCall  errand = "call"    // call for it with many goroutines
	doStop  errand = "stop at" // wait at the point when it is reached next
	doGoOn  errand = "go on"   // from there
	doUse   errand = "use"     // the token, at the server, which says whose it is
	doTell  errand = "tell"    // what has failed last
	doFill  errand = "no room" // files may not grow
	doEmpty errand = "room"    // they may again
)

// causes are the errors that tests ask for: only their names travel.
var causes = map[string]error{
	"ErrLoginRequired": oauth2grant.ErrLoginRequired,
	"invalid_grant":    oauth2grant.InvalidGrant,
	"deadline":         context.DeadlineExceeded,
	"EFBIG":            syscall.EFBIG,
	"ENOSPC":           syscall.ENOSPC,
}

func namesOf(err error) (names []string) {
	for name, cause := range causes {
		if errors.Is(err, cause) {
			names = append(names, name)
		}
	}
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		names = append(names, e.ErrorCode)
	}
	return names
}

// subject is what holds the token in a worker.
type subject interface {
	token(ctx context.Context) (oauth2grant.Token, error)
	renew(ctx context.Context) (oauth2grant.Token, error)
	use(ctx context.Context) error
	failure() error // of the last attempt
	close()
}

type workerProcess struct {
	subject
	gate *gate
	wire *wire

	mu  sync.Mutex
	out *json.Encoder
}

func work(s spec, in io.Reader, out io.Writer) error {
	w := &workerProcess{out: json.NewEncoder(out)}
	w.gate = &gate{tell: func(p point) { w.tell(report{At: p}) }}
	w.gate.watchFiles()
	w.wire = newWire(w.gate)
	var err error
	if s.Peer {
		w.subject, err = newPeer(s, w.wire)
	} else {
		w.subject, err = newShared(s, w.wire, w.gate)
	}
	if err != nil {
		return err
	}
	var busy sync.WaitGroup
	for orders := json.NewDecoder(in); ; {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		busy.Go(func() { w.tell(w.do(o)) })
	}
	w.gate.open()
	busy.Wait()
	w.close()
	return nil
}

func (w *workerProcess) tell(r report) {
	r.Sent = w.wire.sent()
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.out.Encode(r) // who does not listen any more has closed our input too
}

func (w *workerProcess) do(o order) report {
	ctx := context.Background()
	if o.Patience > 0 {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, o.Patience)
		defer cancel()
	}
	var (
		t   oauth2grant.Token
		err error
		c   *calls
	)
	switch o.Do {
	case doToken:
		t, err = w.token(ctx)
	case doRenew:
		t, err = w.renew(ctx)
	case doCall:
		c = callFor(ctx, w.subject, o.For)
	case doStop:
		w.gate.stopAt(o.Point)
	case doGoOn:
		w.gate.open()
	case doUse:
		err = w.use(ctx)
	case doTell:
		err = w.failure()
	case doFill:
		err = limitFiles(1)
	case doEmpty:
		err = limitFiles(limitOff)
	default:
		err = fmt.Errorf("no such order: %q", o.Do)
	}
	r := report{ID: o.ID, Access: t.AccessToken, Refresh: t.RefreshToken, Calls: c}
	if err != nil {
		r.Err, r.Is = err.Error(), namesOf(err)
	}
	return r
}
