package identity

import (
	"context"
	"fmt"
	"os"
	"time"
)

// Env returns a Source that reads an environment variable each time. A process
// can change its own environment only, so this is for short-lived ones.
func Env(name string) Source {
	return func(context.Context) (string, error) {
		value, ok := os.LookupEnv(name)
		if !ok {
			return "", fmt.Errorf("identity: the environment variable %s is not set", name)
		}
		return accept("the environment variable "+name, []byte(value), time.Now())
	}
}
