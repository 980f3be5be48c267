// Package challenge reads the challenges by which an API, or a server, says how
// to authenticate (RFC 9110 §11.6.1).
package challenge

import (
	"strings"
)

// Challenge is one of WWW-Authenticate (RFC 9110 §11.6.1).
type Challenge struct {
	Scheme string            // in lower case
	Params map[string]string // names in lower case; nil if there are none
}

// A header beyond these limits is read up to them: nobody who means well sends
// one, and whoever does not must not be able to spend our memory.
const (
	maxChallengeBytes = 16 << 10 // of all headers together
	maxChallenges     = 32
	maxParams         = 32 // of one challenge
)

// Read reads the values of a WWW-Authenticate header, within limits.
// What it cannot read it leaves out.
func Read(values []string) []Challenge {
	var all []Challenge
	left := maxChallengeBytes
	for _, value := range values {
		s := scanner{value[:min(len(value), left)]}
		left -= len(s.rest)
		for s.rest != "" {
			s.skip(" \t,")
			word := s.token()
			if word == "" {
				s.drop()
				continue
			}
			if s.peek('=') && len(all) > 0 {
				all[len(all)-1].add(strings.ToLower(word), s.value())
				continue
			}
			if len(all) == maxChallenges {
				return all
			}
			all = append(all, Challenge{Scheme: strings.ToLower(word)})
		}
	}
	return all
}

// add keeps the first value of each name.
func (c *Challenge) add(name, value string) {
	if c.Params[name] != "" || len(c.Params) >= maxParams {
		return
	}
	if c.Params == nil {
		c.Params = map[string]string{}
	}
	c.Params[name] = value
}

// scanner reads the syntax of RFC 9110 §5.6.
type scanner struct{ rest string }

func (s *scanner) skip(set string) { s.rest = strings.TrimLeft(s.rest, set) }

// drop passes over a byte that fits nowhere.
func (s *scanner) drop() {
	if s.rest != "" {
		s.rest = s.rest[1:]
	}
}

func (s *scanner) token() string {
	end := strings.IndexFunc(s.rest, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
	if end < 0 {
		end = len(s.rest)
	}
	word := s.rest[:end]
	s.rest = s.rest[end:]
	return word
}

// peek reports whether c comes next, white space aside, and passes it.
func (s *scanner) peek(c byte) bool {
	rest := strings.TrimLeft(s.rest, " \t")
	if rest == "" || rest[0] != c {
		return false
	}
	s.rest = rest[1:]
	return true
}

// value reads a token or a quoted string.
func (s *scanner) value() string {
	s.skip(" \t")
	if strings.HasPrefix(s.rest, `"`) {
		return s.quoted()
	}
	return s.token()
}

func (s *scanner) quoted() string {
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; c {
		case '"':
			s.rest = s.rest[i+1:]
			return b.String()
		case '\\':
			if i++; i < len(s.rest) {
				b.WriteByte(s.rest[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	s.rest = ""
	return b.String()
}
