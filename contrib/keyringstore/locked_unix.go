//go:build (dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd

package keyringstore

import (
	"errors"

	"github.com/godbus/dbus/v5"
	secrets "github.com/zalando/go-keyring/secret_service"
)

// isLocked reports whether a call failed because the keyring is locked.
// go-keyring has no error of its own for a refused password, so the service is
// asked.
func isLocked(err error) bool {
	if e, ok := errors.AsType[dbus.Error](err); ok && e.Name == "org.freedesktop.Secret.Error.IsLocked" {
		return true
	}
	service, err := secrets.NewSecretService()
	if err != nil {
		return false
	}
	locked, err := service.GetLoginCollection().GetProperty("org.freedesktop.Secret.Collection.Locked")
	if err != nil {
		return false
	}
	is, _ := locked.Value().(bool)
	return is
}
