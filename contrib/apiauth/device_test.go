package apiauth_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestAuth_SignsInOnAnotherDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, registering())
		var shown []oauth2grant.DevicePrompt
		w.cfg.RedirectURIs = nil
		w.cfg.Flow = oauth2grant.DeviceCode{Prompt: func(_ context.Context, p oauth2grant.DevicePrompt) error {
			shown = append(shown, p)
			return w.srv.ApproveDevice(p.UserCode, "alice")
		}}
		w.want200(t, w.open(t))
		w.wantEndpoints(t,
			granttest.Resource, granttest.ResourceMetadata, granttest.Discovery, granttest.Register,
			granttest.DeviceAuthorization, granttest.Token, granttest.Resource)
		w.want200(t, w.open(t)) // another process
		w.wantEndpoints(t, granttest.Resource)
		if len(shown) != 1 {
			t.Errorf("%d codes were shown", len(shown))
		}
	})
}

func TestAuth_AsksForTheResourceOnAnotherDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, registering())
		w.cfg.Flow = oauth2grant.DeviceCode{Prompt: func(_ context.Context, p oauth2grant.DevicePrompt) error {
			return w.srv.ApproveDevice(p.UserCode, "alice")
		}}
		w.want200(t, w.open(t))
		for _, e := range []granttest.Endpoint{granttest.DeviceAuthorization, granttest.Token} {
			for _, r := range w.srv.Requests(e) {
				if r.Form.Get("resource") != w.api {
					t.Errorf("%s: the resource is %q", e, r.Form.Get("resource"))
				}
			}
		}
		if scope := w.srv.Requests(granttest.DeviceAuthorization)[0].Form.Get("scope"); scope != "read" {
			t.Errorf("the scope is %q", scope)
		}
	})
}

func TestAuth_SaysThatThePersonRefusedOnAnotherDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, registering())
		w.cfg.Flow = oauth2grant.DeviceCode{Prompt: func(_ context.Context, p oauth2grant.DevicePrompt) error {
			return w.srv.DenyDevice(p.UserCode)
		}}
		if _, err := w.get(t, w.open(t)); !errors.Is(err, oauth2grant.AccessDenied) {
			t.Errorf("got %v", err)
		}
	})
}
