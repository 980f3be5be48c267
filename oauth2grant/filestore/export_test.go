package filestore

import (
	"context"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// Decode reads the content of a file.
func (s Store) Decode(ctx context.Context, data []byte) (oauth2grant.Token, error) {
	return s.decode(ctx, data)
}

// Queues returns the number of places in use in this process.
func Queues() int {
	queues.Lock()
	defer queues.Unlock()
	return len(queues.at)
}

// MaxSize is the size limit of a file.
const MaxSize = maxSize

// Look looks at the file now, and returns what reports whether there are news
// since it was last looked at.
func Look(s *Store) (news func() bool) {
	seen := s.look()
	return func() bool { return seen.update(s.place) }
}
