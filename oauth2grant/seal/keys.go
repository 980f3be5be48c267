package seal

import (
	"context"
	"fmt"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// KeyFunc returns a key of KeySize bytes. With an empty id it returns the key
// to seal with, and names it; else the key of that id, and keyID is ignored.
// Ids are stored in clear. It is called for each Seal and Open, concurrently,
// and must return when ctx ends. Neither its error nor an id may hold a secret.
type KeyFunc func(ctx context.Context, id string) (keyID string, key []byte, err error)

// Keys is a KeyFunc over a fixed set: it seals with the key called current and
// opens with any. The map must not be changed afterwards.
func Keys(current string, keys map[string][]byte) KeyFunc {
	return func(_ context.Context, id string) (string, []byte, error) {
		if id == "" {
			id = current
		}
		key, ok := keys[id]
		if !ok {
			return "", nil, fmt.Errorf("no key has the id %q", id)
		}
		return id, key, nil
	}
}
