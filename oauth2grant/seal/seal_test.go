package seal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

const (
	place  = "redis:alice"
	secret = `{"access_token":"marked-secret"}`
)

func key(b byte) []byte { return bytes.Repeat([]byte{b}, seal.KeySize) }

func sealed(t *testing.T, b seal.Box) []byte {
	t.Helper()
	data, err := b.Seal(t.Context(), []byte(secret), place)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestBox_OpensWhatItSealedAndShowsNothing(t *testing.T) {
	box := seal.Box{Keys: seal.Keys("a", map[string][]byte{"a": key('A')})}
	data := sealed(t, box)
	if bytes.Contains(data, []byte("marked-secret")) || !json.Valid(data) {
		t.Errorf("the envelope is %s", data)
	}
	if bytes.Equal(data, sealed(t, box)) {
		t.Error("two envelopes of the same data are equal")
	}
	if plain, err := box.Open(t.Context(), data, place); err != nil || string(plain) != secret {
		t.Errorf("Open gave %s, %v", plain, err)
	}
}

func TestBox_OldKeysStayReadable(t *testing.T) {
	old := seal.Box{Keys: seal.Keys("a", map[string][]byte{"a": key('A')})}
	both := seal.Box{Keys: seal.Keys("b", map[string][]byte{"a": key('A'), "b": key('B')})}
	if plain, err := both.Open(t.Context(), sealed(t, old), place); err != nil || string(plain) != secret {
		t.Errorf("Open gave %s, %v", plain, err)
	}
	if _, err := old.Open(t.Context(), sealed(t, both), place); !errors.Is(err, seal.ErrKey) {
		t.Errorf("without the new key Open gave %v", err)
	}
}

func TestBox_WithoutKeysDataStaysInClear(t *testing.T) {
	data := sealed(t, seal.Box{})
	if string(data) != secret {
		t.Errorf("Seal gave %s", data)
	}
	if plain, err := (seal.Box{}).Open(t.Context(), data, place); err != nil || string(plain) != secret {
		t.Errorf("Open gave %s, %v", plain, err)
	}
}

func TestBox_ReadsPlainDataOnlyOnWish(t *testing.T) {
	box := seal.Box{Keys: seal.Keys("a", map[string][]byte{"a": key('A')})}
	if _, err := box.Open(t.Context(), []byte(secret), place); !errors.Is(err, seal.ErrPlain) {
		t.Errorf("Open gave %v", err)
	}
	box.AcceptPlain = true
	if plain, err := box.Open(t.Context(), []byte(secret), place); err != nil || string(plain) != secret {
		t.Errorf("Open gave %s, %v", plain, err)
	}
}

func TestBox_OpenRefuses(t *testing.T) {
	box := seal.Box{Keys: seal.Keys("a", map[string][]byte{"a": key('A')})}
	data := sealed(t, box)
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	with := func(name string, value any) []byte {
		changed := map[string]any{}
		for k, v := range fields {
			changed[k] = v
		}
		changed[name] = value
		out, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	body := fields["data"].(string)
	flipped := "A" + body[1:]
	if flipped == body {
		flipped = "B" + body[1:]
	}
	keys := func(k map[string][]byte) seal.Box { return seal.Box{Keys: seal.Keys("a", k), AcceptPlain: true} }
	mine := keys(map[string][]byte{"a": key('A'), "z": key('A')})
	for name, c := range map[string]struct {
		box   seal.Box
		data  []byte
		place string
		want  error
	}{
		"another key of the same id": {
			keys(map[string][]byte{"a": key('X')}), data, place, seal.ErrOpen,
		},
		"an unknown key id": {keys(nil), data, place, seal.ErrKey},
		"a key that is too short": {
			keys(map[string][]byte{"a": key('A')[1:]}), data, place, seal.ErrKey,
		},
		"another place":                              {mine, data, "redis:bob", seal.ErrOpen},
		"no keys at all":                             {seal.Box{}, data, place, seal.ErrKey},
		"a changed first byte":                       {mine, with("data", flipped), place, seal.ErrOpen},
		"a body that was cut short":                  {mine, with("data", body[:40]), place, seal.ErrOpen},
		"an empty body":                              {mine, with("data", ""), place, seal.ErrOpen},
		"a body that is not base64":                  {mine, with("data", "%%%"), place, seal.ErrOpen},
		"a key id that names an equal key":           {mine, with("kid", "z"), place, seal.ErrOpen},
		"no key id, which would mean the newest key": {mine, with("kid", ""), place, seal.ErrKey},
		"a later version":                            {mine, with("oauth2grant_sealed", 2), place, seal.ErrOpen},
		"another algorithm":                          {mine, with("alg", "none"), place, seal.ErrOpen},
		"an envelope that was cut short":             {mine, data[:len(data)/2], place, seal.ErrOpen},
		"nothing":                                    {mine, nil, place, seal.ErrOpen},
	} {
		t.Run(name, func(t *testing.T) {
			plain, err := c.box.Open(t.Context(), c.data, c.place)
			if !errors.Is(err, c.want) || plain != nil {
				t.Fatalf("Open gave %q, %v", plain, err)
			}
			for _, s := range []string{"marked-secret", "AAAA", body} {
				if strings.Contains(err.Error(), s) {
					t.Errorf("the error shows a secret: %v", err)
				}
			}
		})
	}
}

func TestBox_SealRefusesAKeyThatCannotBeFoundAgain(t *testing.T) {
	lost := errors.New("the key service is down")
	for name, keys := range map[string]seal.KeyFunc{
		"without an id":       seal.Keys("", map[string][]byte{"": key('A')}),
		"with a broken id":    seal.Keys("\xff", map[string][]byte{"\xff": key('A')}),
		"of the wrong length": seal.Keys("a", map[string][]byte{"a": []byte("short")}),
		"that does not exist": seal.Keys("a", nil),
		"that can't be had":   func(context.Context, string) (string, []byte, error) { return "", nil, lost },
	} {
		t.Run(name, func(t *testing.T) {
			data, err := (seal.Box{Keys: keys}).Seal(t.Context(), []byte(secret), place)
			if !errors.Is(err, seal.ErrKey) || data != nil {
				t.Errorf("Seal gave %s, %v", data, err)
			}
		})
	}
	failing := seal.Box{Keys: func(context.Context, string) (string, []byte, error) { return "", nil, lost }}
	if _, err := failing.Seal(t.Context(), nil, place); !errors.Is(err, lost) {
		t.Errorf("the cause is lost: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	box := seal.Box{Keys: seal.Keys("a", map[string][]byte{"a": key('A')})}
	data, err := box.Seal(context.Background(), []byte(secret), place)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(secret))
	f.Add([]byte(`{"oauth2grant_sealed":1,"alg":"A256GCM","kid":"a","data":"AAAA"}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		if plain, err := box.Open(t.Context(), in, place); err == nil && string(plain) != secret {
			t.Errorf("Open made %q out of %q", plain, in)
		}
	})
}

func ExampleBox() {
	ctx := context.Background()
	keys := map[string][]byte{
		"2024": bytes.Repeat([]byte{1}, seal.KeySize), "2025": bytes.Repeat([]byte{2}, seal.KeySize),
	}
	before := seal.Box{Keys: seal.Keys("2024", keys)}
	after := seal.Box{Keys: seal.Keys("2025", keys)} // seals with the new key, opens both

	data, err := before.Seal(ctx, []byte(`{"access_token":"…"}`), "token of alice")
	if err != nil {
		fmt.Println(err)
		return
	}
	plain, err := after.Open(ctx, data, "token of alice")
	fmt.Println(string(plain), err)
	_, err = after.Open(ctx, data, "token of bob")
	fmt.Println(errors.Is(err, seal.ErrOpen))
	// Output:
	// {"access_token":"…"} <nil>
	// true
}
