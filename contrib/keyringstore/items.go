package keyringstore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/zalando/go-keyring"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

const (
	format = 1
	// What every keyring takes: macOS makes four bytes of three and allows
	// 4,096 for the whole command.
	itemSize = 2 << 10
	maxParts = 128
)

// slots are the two sets of parts.
var slots = [...]string{"a", "b"}

// head is the item that counts. It has the token, or where its parts are.
type head struct {
	Format  int             `json:"oauth2grant_keyring"`
	Version uint64          `json:"version"`
	Token   json.RawMessage `json:"token,omitempty"`
	Slot    string          `json:"slot,omitempty"`
	Parts   int             `json:"parts,omitempty"`
	Sum     string          `json:"sum,omitempty"` // SHA-256 of the parts
}

// items are those of one token. Its methods may take as long as a person.
type items struct {
	ring             ring
	service, account string
}

// ring is the part of go-keyring in use.
type ring interface {
	Get(service, account string) (string, error)
	Set(service, account, secret string) error
	Delete(service, account string) error
}

func (i items) part(slot string, n int) string { return fmt.Sprintf("%s #%s%d", i.account, slot, n) }

// head reads the head. It returns [oauth2grant.ErrNoToken] if there is none.
func (i items) head(ctx context.Context) (head, error) {
	text, err := i.get(ctx, i.account)
	if errors.Is(err, keyring.ErrNotFound) {
		return head{}, oauth2grant.ErrNoToken
	} else if err != nil {
		return head{}, err
	}
	var h head
	if json.Unmarshal([]byte(text), &h) != nil || h.Format != format ||
		(len(h.Token) == 0) == (h.Parts <= 0) || h.Parts > maxParts {
		return head{}, ErrCorrupt // the cause may quote a secret
	}
	return h, nil
}

// read returns the token.
func (i items) read(ctx context.Context) (oauth2grant.Token, error) {
	for {
		h, err := i.head(ctx)
		if err != nil {
			return oauth2grant.Token{}, err
		}
		t, err := i.token(ctx, h)
		if !errors.Is(err, ErrCorrupt) {
			return t, err
		}
		// Else somebody has saved another one meanwhile.
		if now, err := i.head(ctx); err == nil && now.Version == h.Version {
			return oauth2grant.Token{}, ErrCorrupt
		}
	}
}

func (i items) token(ctx context.Context, h head) (oauth2grant.Token, error) {
	data := []byte(h.Token)
	if h.Parts > 0 {
		var err error
		if data, err = i.join(ctx, h); err != nil {
			return oauth2grant.Token{}, err
		}
	}
	var t oauth2grant.Token
	if json.Unmarshal(data, &t) != nil || t.AccessToken == "" && t.RefreshToken == "" && t.IDToken == "" {
		return oauth2grant.Token{}, ErrCorrupt
	}
	return t, nil
}

// join puts the parts together.
func (i items) join(ctx context.Context, h head) ([]byte, error) {
	var text strings.Builder
	for n := range h.Parts {
		part, err := i.get(ctx, i.part(h.Slot, n))
		if errors.Is(err, keyring.ErrNotFound) {
			return nil, ErrCorrupt
		} else if err != nil {
			return nil, err
		}
		text.WriteString(part)
	}
	data, err := base64.RawStdEncoding.DecodeString(text.String())
	if err != nil || sum(text.String()) != h.Sum {
		return nil, ErrCorrupt
	}
	return data, nil
}

// write replaces the token that old is the head of. Only the caller writes.
func (i items) write(ctx context.Context, old head, t oauth2grant.Token, version uint64) error {
	data, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("keyringstore: %w", err)
	}
	h := head{Format: format, Version: version, Token: data}
	text, err := json.Marshal(h)
	if err == nil && len(text) > itemSize {
		if h, err = i.split(ctx, old, data); err != nil {
			return err
		}
		h.Version = version
		text, err = json.Marshal(h)
	}
	if err != nil {
		return fmt.Errorf("keyringstore: %w", err)
	}
	if err := i.set(ctx, i.account, string(text)); err != nil {
		return err
	}
	_ = i.sweep(ctx, h) // what it leaves, the next change removes
	return nil
}

// split writes the parts into the slot that old does not use. They are text, as
// some keyrings take nothing else.
func (i items) split(ctx context.Context, old head, data []byte) (head, error) {
	text := base64.RawStdEncoding.EncodeToString(data)
	h := head{Format: format, Slot: slots[0], Parts: (len(text) + itemSize - 1) / itemSize, Sum: sum(text)}
	if h.Parts > maxParts {
		return head{}, ErrTooLarge
	}
	if old.Slot == h.Slot {
		h.Slot = slots[1]
	}
	for n := range h.Parts {
		if err := i.set(ctx, i.part(h.Slot, n), text[n*itemSize:min((n+1)*itemSize, len(text))]); err != nil {
			return head{}, err
		}
	}
	return h, nil
}

// erase removes everything.
func (i items) erase(ctx context.Context) error {
	if err := i.remove(ctx, i.account); err != nil {
		return err
	}
	return i.sweep(ctx, head{})
}

// sweep removes the parts that h does not name: from the last to the first, so
// that what is left has no gap.
func (i items) sweep(ctx context.Context, h head) error {
	for _, slot := range slots {
		from := 0
		if slot == h.Slot {
			from = h.Parts
		}
		to := from
		for ; ; to++ {
			if _, err := i.get(ctx, i.part(slot, to)); errors.Is(err, keyring.ErrNotFound) {
				break
			} else if err != nil {
				return err
			}
		}
		for to--; to >= from; to-- {
			if err := i.remove(ctx, i.part(slot, to)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (i items) get(ctx context.Context, account string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	text, err := i.ring.Get(i.service, account)
	return text, explain(err)
}

var errNotKept = errors.New("the keyring did not keep what it was given")

// set writes an item and makes sure of it: not every keyring says when a person
// refused.
func (i items) set(ctx context.Context, account, secret string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := i.ring.Set(i.service, account, secret); err != nil {
		return explain(err)
	}
	kept, err := i.ring.Get(i.service, account)
	if errors.Is(err, keyring.ErrNotFound) || err == nil && kept != secret {
		return explain(errNotKept)
	} else if err != nil {
		return explain(err)
	}
	return nil
}

func (i items) remove(ctx context.Context, account string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := i.ring.Delete(i.service, account); err != nil && !errors.Is(err, keyring.ErrNotFound) {
		return explain(err)
	}
	return nil
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}
