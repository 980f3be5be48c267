package bench

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/oauth2"
)

// xSource is where golang.org/x/oauth2 has its tokens from. It knows no
// context.
type xSource struct{ s *server }

func (x xSource) Token() (*oauth2.Token, error) {
	t, err := x.s.issue(context.Background())
	if err != nil {
		return nil, err
	}
	return &oauth2.Token{AccessToken: t.value, TokenType: "Bearer", Expiry: t.expiry}, nil
}

type xoauth2 struct{ source oauth2.TokenSource }

func openXOAuth2(s *server, lead time.Duration) cache {
	if lead == 0 {
		return xoauth2{oauth2.ReuseTokenSource(nil, xSource{s})}
	}
	return xoauth2{oauth2.ReuseTokenSourceWithExpiry(nil, xSource{s}, lead)}
}

func (x xoauth2) token(context.Context) (string, error) {
	t, err := x.source.Token()
	if err != nil {
		return "", err
	}
	return t.AccessToken, nil
}

func (x xoauth2) header(r *http.Request) error {
	t, err := x.source.Token()
	if err == nil {
		t.SetAuthHeader(r)
	}
	return err
}

func (x xoauth2) transport(base http.RoundTripper) http.RoundTripper {
	return &oauth2.Transport{Source: x.source, Base: base}
}

func (xoauth2) close() {}
