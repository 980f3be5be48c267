package oauth2grant_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// looking is a client authentication that asks the same server for a token of
// its own while a refresh is under way.
type looking struct {
	oauth2grant.ClientAuth
	other *oauth2grant.Client
}

func (l looking) Authenticate(ctx context.Context, endpoint string, h http.Header, form url.Values) error {
	_, _ = l.other.Refresh(ctx, "none", nil)
	return l.ClientAuth.Authenticate(ctx, endpoint, h, form)
}

func TestClient_RefreshLooksBeforeItSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		other := newClient(t, configFor(srv))
		cfg := configFor(srv)
		cfg.Auth = looking{cfg.Auth, other}
		c := newClient(t, cfg)
		stop := errors.New("the lock is lost")
		looks := 0
		_, err := c.Refresh(oauth2grant.WithLastLook(t.Context(), func() error { looks++; return stop }), "token", nil)
		if !errors.Is(err, stop) || looks != 1 || !oauth2grant.NotSent(isFailure(t, err)) {
			t.Errorf("got %v after %d looks", err, looks)
		}
		for _, r := range srv.Requests(granttest.Token) {
			if strings.Contains(r.Form.Encode(), "refresh_token=token") {
				t.Error("the refresh token was sent")
			}
		}
		_, err = c.Refresh(oauth2grant.WithLastLook(t.Context(), func() error { looks++; return nil }), "token", nil)
		if !errors.Is(err, oauth2grant.InvalidGrant) || looks != 2 || oauth2grant.NotSent(isFailure(t, err)) {
			t.Errorf("got %v after %d looks", err, looks)
		}
	})
}
