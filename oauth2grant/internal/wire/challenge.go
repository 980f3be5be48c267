package wire

import (
	"strings"
)

// Challenge is one of WWW-Authenticate (RFC 9110 §11.6.1).
type Challenge struct {
	Scheme string            // in lower case
	Params map[string]string // names in lower case
}

// ReadChallenges reads the values of a WWW-Authenticate header. What it can't read it leaves out.
func ReadChallenges(values []string) []Challenge {
	var all []Challenge
	for _, value := range values {
		s := scanner{value}
		for s.rest != "" {
			s.skip(" \t,")
			word := s.token()
			if word == "" {
				s.drop()
				continue
			}
			if s.peek('=') && len(all) > 0 {
				s.param(word, all[len(all)-1].Params)
				continue
			}
			all = append(all, Challenge{Scheme: strings.ToLower(word), Params: map[string]string{}})
		}
	}
	return all
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

// peek tells whether c comes next, white space aside, and passes it.
func (s *scanner) peek(c byte) bool {
	rest := strings.TrimLeft(s.rest, " \t")
	if rest == "" || rest[0] != c {
		return false
	}
	s.rest = rest[1:]
	return true
}

func (s *scanner) param(name string, into map[string]string) {
	s.skip(" \t")
	value := ""
	if strings.HasPrefix(s.rest, `"`) {
		value = s.quoted()
	} else {
		value = s.token()
	}
	if name = strings.ToLower(name); into[name] == "" {
		into[name] = value
	}
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
