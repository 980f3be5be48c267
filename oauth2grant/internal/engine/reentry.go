package engine

import (
	"context"
	"errors"
)

// ErrReentrant is the error of a call made from within the flight that it would
// wait for.
var ErrReentrant = errors.New(
	"oauth2grant: the grant was called from within its own flow or store, and would wait for itself")

// link names, in the context of a flight, the engine whose flight it is, so
// that a call that would wait for itself is seen.
type link struct {
	owner  any
	commit func()
	parent *link
}

type linkKey struct{}

func withLink(ctx context.Context, owner any, commit func()) context.Context {
	parent, _ := ctx.Value(linkKey{}).(*link)
	return context.WithValue(ctx, linkKey{}, &link{owner: owner, commit: commit, parent: parent})
}

func inside(ctx context.Context, owner any) bool {
	l, _ := ctx.Value(linkKey{}).(*link)
	for ; l != nil; l = l.parent {
		if l.owner == owner {
			return true
		}
	}
	return false
}

// Commit says, from within a flight, that from now on it must not stop when its
// last waiter leaves: what it holds can't be obtained again.
func Commit(ctx context.Context) {
	if l, _ := ctx.Value(linkKey{}).(*link); l != nil && l.commit != nil {
		l.commit()
	}
}
