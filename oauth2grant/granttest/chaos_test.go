package granttest_test

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// statuses sends so many token requests and returns how each was answered; zero
// is a connection that was cut.
func statuses(t *testing.T, srv *granttest.Server, n int) (all []int) {
	t.Helper()
	for range n {
		response, _, err := exchange(t, srv, srv.HTTPClient())
		if err != nil {
			all = append(all, 0)
			continue
		}
		all = append(all, response.StatusCode)
	}
	return all
}

func TestServer_ChaosIsAShareThatASeedDecides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 400
		var runs [3][]int
		for i, seed := range []uint64{1, 1, 2} {
			srv := granttest.New(granttest.Config{})
			srv.Chaos(granttest.Token, seed, 0.3)
			runs[i] = statuses(t, srv, n)
		}
		if !slices.Equal(runs[0], runs[1]) || slices.Equal(runs[0], runs[2]) {
			t.Error("equal seeds must be equal, others not")
		}
		kinds := map[int]int{}
		for _, status := range runs[0] {
			kinds[status]++
		}
		for _, status := range []int{0, 429, 502, 503} {
			if kinds[status] == 0 {
				t.Errorf("none of %d: %v", status, kinds)
			}
		}
		if kinds[200] < n/2 || kinds[200] > n*9/10 {
			t.Errorf("of %d requests: %v", n, kinds)
		}
	})
}

func TestServer_ChaosEndsWithHeal(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	srv.Chaos(granttest.Token, 1, 1, granttest.Fault{Status: http.StatusTeapot})
	srv.Script(granttest.Token, granttest.Fault{})
	if got := statuses(t, srv, 3); !slices.Equal(got, []int{200, 418, 418}) {
		t.Errorf("%v", got)
	}
	srv.Heal(granttest.Token)
	if got := statuses(t, srv, 1); got[0] != 200 {
		t.Errorf("%v", got)
	}
}

func TestServer_SetSecretWhileItRuns(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	access, _, _ := srv.Issue("client", "alice")
	srv.SetSecret("client", "another")
	if got := statuses(t, srv, 1); got[0] != 401 {
		t.Errorf("the old secret: %v", got)
	}
	if !srv.Active(access) {
		t.Error("what was issued is not good any more")
	}
	srv.SetSecret("client", "secret")
	if got := statuses(t, srv, 1); got[0] != 200 {
		t.Errorf("the secret: %v", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a client that is not there: no panic")
		}
	}()
	srv.SetSecret("nobody", "")
}
