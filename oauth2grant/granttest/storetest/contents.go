package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// contents are the rules of Load, Save and Delete.
func contents() []check {
	return []check{
		{"an empty store gives ErrNoToken", func(b *bench) error {
			s, err := b.open()
			if err != nil {
				return err
			}
			return expectNone(b.ctx, s)
		}},
		{"every field and extra member comes back", everyField},
		{"what a grant notes with the token comes back", everyNote},
		{"the zero token is a delete", func(b *bench) error {
			s, other, err := b.two()
			if err != nil {
				return err
			}
			return errors.Join(s.Save(b.ctx, token(1)), s.Save(b.ctx, oauth2grant.Token{}), expectNone(b.ctx, s), expectNone(b.ctx, other))
		}},
		{"big tokens come back", bigTokens},
		{"another store on the place sees each save", func(b *bench) error {
			s, other, err := b.two()
			if err != nil {
				return err
			}
			for n := range 3 {
				if err := s.Save(b.ctx, token(n)); err != nil {
					return err
				}
				if err := expect(b.ctx, other, token(n)); err != nil {
					return err
				}
			}
			third, err := b.open()
			if err != nil {
				return err
			}
			return expect(b.ctx, third, token(2))
		}},
		{"delete may be repeated", func(b *bench) error {
			s, other, err := b.two()
			if err != nil {
				return err
			}
			err = errors.Join(s.Delete(b.ctx), s.Save(b.ctx, token(1)), s.Delete(b.ctx), s.Delete(b.ctx), expectNone(b.ctx, s), expectNone(b.ctx, other))
			return errors.Join(err, s.Save(b.ctx, token(2)), expect(b.ctx, other, token(2)))
		}},
		{"an ended context gives its error and changes nothing", endedContext},
		{"many goroutines load and save", manyGoroutines},
	}
}

func everyField(b *bench) error {
	s, other, err := b.two()
	if err != nil {
		return err
	}
	full, err := response(`{"access_token":"` + marker + ` <&>\u2028é\"\\","token_type":"DPoP","refresh_token":"` + marker + `-r","id_token":"` + marker + `.e30.x",
		"scope":"a b","expires_in":3600,"expiry":"2031-02-03T04:05:06.789012345Z","number":12345678901234567890,"nested":{"a":[1,null,{"b":"<&>"}]}}`)
	if err != nil {
		return err
	}
	refreshOnly := oauth2grant.Token{RefreshToken: marker}
	expiring := token(1)
	expiring.Expiry = time.Now().Add(time.Hour).Round(0).UTC()
	for _, t := range []oauth2grant.Token{full, refreshOnly, expiring, token(2)} {
		if err := s.Save(b.ctx, t); err != nil {
			return err
		}
		if err := expect(b.ctx, other, t); err != nil {
			return err
		}
	}
	return nil
}

// everyNote saves what a grant keeps within the token: Extra does not show it,
// and a Store that copies the fields one by one loses it.
func everyNote(b *bench) error {
	s, other, err := b.two()
	if err != nil {
		return err
	}
	noted, err := response(`{"access_token":"` + marker + `","token_type":"Bearer","oauth2grant":{"v":1,"obtained":1893456000000,"of_a_later_format":[1]}}`)
	if err != nil {
		return err
	}
	if err := s.Save(b.ctx, noted); err != nil {
		return err
	}
	got, err := other.Load(b.ctx)
	if err != nil {
		return err
	}
	return sameJSON(got, noted)
}

// sameJSON compares two tokens with what is noted in them.
func sameJSON(got, want oauth2grant.Token) error {
	is, err := json.Marshal(got)
	should, wantErr := json.Marshal(want)
	if err := errors.Join(err, wantErr); err != nil {
		return err
	}
	if string(is) != string(should) {
		return fmt.Errorf("a token came back that has %d bytes of JSON, of %d: the whole JSON of a token must be kept", len(is), len(should))
	}
	return nil
}

func bigTokens(b *bench) error {
	s, other, err := b.two()
	if err != nil {
		return err
	}
	most := b.MaxToken
	if most == 0 {
		most = 64 << 10
	}
	for _, size := range []int{6 << 10, most, 10} { // the last one leaves nothing of those before
		big := token(1)
		big.AccessToken = marker + strings.Repeat("x", min(size, most))
		if err := s.Save(b.ctx, big); err != nil {
			return fmt.Errorf("Save of %d bytes failed: %w", size, err)
		}
		if err := expect(b.ctx, other, big); err != nil {
			return fmt.Errorf("a token of %d bytes: %w", size, err)
		}
	}
	return nil
}

func endedContext(b *bench) error {
	s, err := b.open()
	if err != nil {
		return err
	}
	if err := s.Save(b.ctx, token(1)); err != nil {
		return err
	}
	ended, cancel := context.WithCancel(b.ctx)
	cancel()
	for name, call := range map[string]func() error{
		"Load":   func() error { _, err := s.Load(ended); return err },
		"Save":   func() error { return s.Save(ended, token(2)) },
		"Delete": func() error { return s.Delete(ended) },
		"Lock":   func() error { return underLock(ended, s, func(context.Context) error { return nil }) },
	} {
		if err := within(patience, name, call); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%s with a cancelled context gave %s, want context.Canceled", name, outcome(err))
		}
	}
	if err := expect(b.ctx, s, token(1)); err != nil {
		return err
	}
	return underLock(b.ctx, s, func(context.Context) error { return nil }) // nothing is left locked
}

func manyGoroutines(b *bench) error {
	s, other, err := b.two()
	if err != nil {
		return err
	}
	if err := s.Save(b.ctx, token(0)); err != nil {
		return err
	}
	var g errgroup.Group
	for n := range 10 {
		store := s
		if n%2 == 1 {
			store = other
		}
		g.Go(func() error {
			for range 5 {
				if err := store.Save(b.ctx, token(n)); err != nil {
					return err
				}
				t, err := store.Load(b.ctx)
				if err != nil {
					return err
				}
				if number(t) < 0 {
					return errors.New("Load gave a token that nobody saved")
				}
			}
			return nil
		})
	}
	return b.all("ten goroutines", g.Wait)
}
