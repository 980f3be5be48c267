package main

import (
	"context"
	"errors"
	"sync"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// people have one grant each, however many browsers they are signed in at. They
// all share one Client, and so its connections and its discovery. With a Store
// of their own for each they would stay signed in when the program is
// restarted.
type people struct {
	client *oauth2grant.Client

	mu     sync.Mutex
	grants map[string]*oauth2grant.Grant // by subject
}

func newPeople(client *oauth2grant.Client) *people {
	return &people{client: client, grants: map[string]*oauth2grant.Grant{}}
}

// signIn hands a new token over. Where somebody is signed in already their
// grant goes on with it, also if the old one was dead.
func (p *people) signIn(ctx context.Context, subject string, t oauth2grant.Token) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g := p.grants[subject]; g != nil {
		return g.SetToken(ctx, t)
	}
	// A grant lives longer than the request that it came from.
	g, err := oauth2grant.New(context.WithoutCancel(ctx), oauth2grant.RefreshOnly{}, oauth2grant.Config{
		Client:  p.client,
		Name:    subject,
		Token:   t,
		Refresh: oauth2grant.Refresh{Disabled: true}, // people come and go: a token is renewed when they need it
	})
	if err == nil {
		p.grants[subject] = g
	}
	return err
}

// of returns the grant of somebody; nil when they are not signed in.
func (p *people) of(subject string) *oauth2grant.Grant {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.grants[subject]
}

// signOut has the server forget the tokens. Here they are gone even if it can't
// be reached.
func (p *people) signOut(ctx context.Context, subject string) error {
	p.mu.Lock()
	g := p.grants[subject]
	delete(p.grants, subject)
	p.mu.Unlock()
	if g == nil {
		return nil
	}
	err := g.Revoke(ctx)
	if errors.Is(err, errors.ErrUnsupported) { // the server has no such endpoint: the tokens expire
		err = nil
	}
	return errors.Join(err, g.Close())
}

func (p *people) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.grants {
		_ = g.Close()
	}
}
