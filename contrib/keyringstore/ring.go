package keyringstore

import (
	"errors"
	"fmt"

	"github.com/zalando/go-keyring"
)

// systemRing is the keyring of the system.
type systemRing struct{}

func (systemRing) Get(service, account string) (secret string, err error) {
	defer survive(&err)
	return keyring.Get(service, account)
}

func (systemRing) Set(service, account, secret string) (err error) {
	defer survive(&err)
	return keyring.Set(service, account, secret)
}

func (systemRing) Delete(service, account string) (err error) {
	defer survive(&err)
	return keyring.Delete(service, account)
}

var errLost = errors.New("the connection to the keyring was lost")

// survive makes an error of the panic of go-keyring when the bus goes away
// during a prompt.
func survive(err *error) {
	if reason := recover(); reason != nil {
		*err = fmt.Errorf("%w: %v", errLost, reason)
	}
}
