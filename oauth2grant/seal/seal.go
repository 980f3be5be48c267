package seal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

var (
	// ErrOpen says that an envelope can't be opened: the key is another one, it
	// was altered or cut short, or it was sealed for another place.
	ErrOpen = errors.New("seal: this can't be opened: another key, another place, or altered data")
	// ErrPlain says that the data is in clear although keys are set.
	// [Box.AcceptPlain] reads it.
	ErrPlain = errors.New("seal: this is not sealed; accept plain data for the time of a migration only")
	// ErrKey says that there is no usable key: no KeyFunc, an error from it
	// (which is wrapped), a key of the wrong length, or one without an id.
	ErrKey = errors.New("seal: no usable key")
)

// Box seals and opens. The zero Box leaves data in clear and refuses to open an
// envelope. It is a value, safe for concurrent use as far as Keys is.
type Box struct {
	Keys KeyFunc // nil: data stays in clear
	// AcceptPlain opens data that was never sealed, although Keys is set.
	// Whoever can write to the store can then replace an envelope by data of
	// their own: set it for a migration, and unset it once everything has been
	// written again.
	AcceptPlain bool
}

const (
	version   = 1
	algorithm = "A256GCM"
)

// envelope is the stored form; data is nonce, ciphertext and tag.
type envelope struct {
	Version   int    `json:"oauth2grant_sealed"`
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Data      []byte `json:"data"`
}

// Seal encrypts plain, a JSON value, for one place: the name under which a
// store keeps it. Without Keys it returns plain. The error is ErrKey,
// wrapped.
func (b Box) Seal(ctx context.Context, plain []byte, place string) ([]byte, error) {
	if b.Keys == nil {
		return plain, nil
	}
	id, key, err := b.Keys(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if !utf8.ValidString(id) {
		return nil, fmt.Errorf("%w: its id is not UTF-8", ErrKey) // JSON would change it
	}
	e := envelope{Version: version, Algorithm: algorithm, KeyID: id}
	aead, err := e.cipher(key)
	if err != nil {
		return nil, err
	}
	//nolint:gosec // the nonce is random, made and put in front by Seal
	e.Data = aead.Seal(nil, nil, plain, e.bind(place))
	return json.Marshal(e)
}

// Open returns what was sealed for the same place. The error is ErrOpen,
// ErrPlain or ErrKey, wrapped. Without Keys, what is no envelope is returned as
// it is.
func (b Box) Open(ctx context.Context, data []byte, place string) ([]byte, error) {
	var e envelope
	if json.Unmarshal(data, &e) != nil || e.Version == 0 {
		switch {
		case b.Keys == nil:
			return data, nil
		case !json.Valid(data) || e.Version != 0:
			return nil, ErrOpen
		case !b.AcceptPlain:
			return nil, ErrPlain
		}
		return data, nil
	}
	if e.Version != version || e.Algorithm != algorithm {
		return nil, fmt.Errorf("%w: version %d with %q is not known here", ErrOpen, e.Version, e.Algorithm)
	}
	if b.Keys == nil {
		return nil, fmt.Errorf("%w: this is sealed with key %q, and no keys are set", ErrKey, e.KeyID)
	}
	var key []byte
	if e.KeyID != "" { // which would ask for the key to seal with
		var err error
		if _, key, err = b.Keys(ctx, e.KeyID); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
	}
	aead, err := e.cipher(key)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, e.Data, e.bind(place))
	if err != nil {
		return nil, fmt.Errorf("%w (key %q)", ErrOpen, e.KeyID)
	}
	return plain, nil
}

func (e envelope) cipher(key []byte) (cipher.AEAD, error) {
	if e.KeyID == "" {
		return nil, fmt.Errorf("%w: it has no id", ErrKey)
	}
	if len(key) != KeySize {
		return nil, fmt.Errorf("%w: key %q has %d bytes, not %d", ErrKey, e.KeyID, len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// bind returns the associated data: everything that decides how the envelope is
// read, and its place.
func (e envelope) bind(place string) []byte {
	return fmt.Appendf(nil, "oauth2grant-seal %d %s %q %q", e.Version, e.Algorithm, e.KeyID, place)
}
