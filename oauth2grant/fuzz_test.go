package oauth2grant_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func FuzzTokenJSON(f *testing.F) {
	for _, seed := range []string{
		tokenDocument, `{}`, `null`, `{"access_token":"A","expires_in":1e3}`, `{"ACCESS_TOKEN":"A","Expiry":null}`,
		`{"expires_in":-1,"access_token":"A"}`, `{"access_token":"A","expiry":"0000-01-01T00:00:00+01:00"}`,
		`{"access_token":"\ud800","x":{"y":[1,2,{"z":"<\u2028>"}]}}`, `{"expires_in":9223372036854775807}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		var token oauth2grant.Token
		if err := json.Unmarshal(document, &token); err != nil {
			return
		}
		text, err := json.Marshal(token)
		if err != nil {
			t.Fatalf("read but can't be written: %v", err)
		}
		var again oauth2grant.Token
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatalf("written but can't be read: %v", err)
		}
		if again != token {
			t.Fatalf("differs after JSON: %s", text)
		}
		if secret := token.AccessToken; len(secret) > 20 && strings.Contains(token.String(), secret) {
			t.Fatal("shows its secret")
		}
		if !token.Expiry.IsZero() && token.Expiry.Location() != time.UTC {
			t.Fatal("the expiry is not comparable")
		}
	})
}
