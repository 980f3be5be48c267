package oauth2grant

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"
	"unique"
)

// metaVersion is the format of meta. A later format adds members; it does not
// change the meaning of one.
const metaVersion = 1

// metaMember is the member of a Token's JSON that holds its meta.
const metaMember = "oauth2grant"

// meta is what a stored token carries beside what the server issued. In JSON it
// is one member of the token, compact; in a [Token] it is interned, so that
// Token stays comparable and reading it costs nothing.
type meta struct {
	Version  int    `json:"v"`
	Obtained int64  `json:"obtained,omitempty"` // when the token was issued; Unix milliseconds
	Mark     string `json:"mark,omitempty"`     // of the request that is being sent with the refresh token
	Marked   int64  `json:"marked,omitempty"`   // when the mark was made; Unix milliseconds
	Static   bool   `json:"static,omitempty"`   // the last refresh left the refresh token as it was
	Scoped   bool   `json:"scoped,omitempty"`   // a refresh is refused unless it repeats the requested scopes
	Session  string `json:"session,omitempty"`  // of the sign-in that the token comes from
	Turn     int    `json:"turn,omitempty"`     // how many refreshes lie between that sign-in and the token
	// When the refresh token's end was first said, if before Obtained; Unix
	// milliseconds.
	EndSaid int64 `json:"end_said,omitempty"`

	Key boundKey `json:"dpop,omitzero"` // that the token is bound to; see boundkey.go

	rest string // members of later formats, as one JSON object; empty: none
}

var metaMembers = []string{"v", "obtained", "mark", "marked", "static", "scoped", "session", "turn", "end_said", "dpop"}

// readMeta returns the meta of t, the zero meta where t has none.
func (t Token) readMeta() meta {
	if t.meta == (unique.Handle[meta]{}) {
		return meta{}
	}
	return t.meta.Value()
}

// withMeta returns t with m in place of its meta.
func (t Token) withMeta(m meta) Token {
	m.Version = 0
	if m == (meta{}) {
		t.meta = unique.Handle[meta]{} // nothing is said
		return t
	}
	m.Version = metaVersion
	t.meta = unique.Make(m)
	return t
}

// metaOf reads the meta of a stored token; what is no JSON object counts as
// none, and so does a member of another type.
func metaOf(raw json.RawMessage) (m meta) {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil || members == nil {
		return meta{}
	}
	_ = json.Unmarshal(raw, &m)
	for _, name := range metaMembers {
		delete(members, name)
	}
	if rest, err := json.Marshal(members); err == nil && len(members) > 0 {
		m.rest = string(rest)
	}
	return m
}

// json returns the form of m in a stored token.
func (m meta) json() (json.RawMessage, error) {
	known, err := json.Marshal(m)
	if err != nil || m.rest == "" {
		return known, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(m.rest), &all); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(known, &all); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

// Mark returns the mark of a refresh request that is being sent with the
// refresh token of t, empty if there is none. A grant saves it with the token
// before it sends a refresh token that the server may rotate; a [Store] needs
// it for [AnswerSaver] only. It is random and no secret.
func (t Token) Mark() string { return t.readMeta().Mark }

// marked returns t with the mark of a request made at now; an empty mark takes
// one away.
func (t Token) marked(mark string, now time.Time) Token {
	m := t.readMeta()
	if mark == m.Mark {
		return t
	}
	if m.Mark = mark; mark == "" {
		m.Marked = 0
	} else {
		m.Marked = now.UnixMilli()
	}
	return t.withMeta(m)
}

// obtained returns when t was issued, by whomever; zero if nobody noted it.
func (t Token) obtained() time.Time {
	if at := t.readMeta().Obtained; at > 0 {
		return time.UnixMilli(at).UTC()
	}
	return time.Time{}
}

// issued returns t with a note of when it was issued.
func (t Token) issued(at time.Time) Token {
	m := t.readMeta()
	m.Obtained = at.UnixMilli()
	return t.withMeta(m)
}

// session returns what tells the sign-in that t comes from from others: a
// digest of the first refresh token of it; empty if there is none.
func (t Token) session() string {
	if s := t.readMeta().Session; s != "" || t.RefreshToken == "" {
		return s
	}
	sum := sha256.Sum256([]byte(t.RefreshToken))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// akin reports whether t and u are known to come from one sign-in.
func (t Token) akin(u Token) bool {
	s := t.session()
	return s != "" && s == u.session()
}

// precedes reports whether u is known to have come of t.
func (t Token) precedes(u Token) bool {
	return t.RefreshToken != u.RefreshToken && t.akin(u) && t.readMeta().Turn < u.readMeta().Turn
}
