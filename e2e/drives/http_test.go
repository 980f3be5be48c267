package drives

import (
	"errors"
	"testing"

	"github.com/google/go-github/v93/github"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	"google.golang.org/api/tasks/v1"

	"github.com/oauth2grant/go-oauth2grant/contrib/oauth2source"
)

func TestGitHub(t *testing.T) {
	srv, g := open(t)
	api := serve(t, srv, `{"login": "octocat"}`)
	base := api.URL + "/"
	hc := oauth2.NewClient(t.Context(), oauth2source.TokenSource(t.Context(), g, 0))
	client, err := github.NewClient(github.WithHTTPClient(hc), github.WithURLs(&base, &base))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hc.CloseIdleConnections)
	stampede(t, srv, g, func() error {
		user, _, err := client.Users.Get(t.Context(), "")
		if err == nil && user.GetLogin() != "octocat" {
			err = errors.New("another user: " + user.GetLogin())
		}
		return err
	})
}

func TestGoogle(t *testing.T) {
	srv, g := open(t)
	api := serve(t, srv, `{"items": [{"title": "one"}]}`)
	client, err := tasks.NewService(t.Context(),
		option.WithTokenSource(oauth2source.TokenSource(t.Context(), g, 0)), option.WithEndpoint(api.URL))
	if err != nil {
		t.Fatal(err)
	}
	stampede(t, srv, g, func() error {
		lists, err := client.Tasklists.List().Context(t.Context()).Do()
		if err == nil && len(lists.Items) != 1 {
			err = errors.New("no list")
		}
		return err
	})
}
