package callbackserver

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
)

const (
	startPath = "/start/"
	maxLinks  = 64 // that are kept
)

// link leads one browser to where a sign-in begins.
type link struct {
	id     string
	target string // empty once it has been followed
}

// link returns the id of a new link to target.
func (a *answers) link(target string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := link{rand.Text(), target}
	if len(a.links) == maxLinks {
		a.links = a.links[1:]
	}
	a.links = append(a.links, l)
	return l.id
}

// follow returns where a link leads, and uses it up; empty: it has been used.
func (a *answers) follow(id string) (target string, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.links {
		l := &a.links[i]
		if subtle.ConstantTimeCompare([]byte(l.id), []byte(id)) == 1 {
			target, l.target = l.target, ""
			return target, true
		}
	}
	return "", false
}

func (h *handler) serveStart(w http.ResponseWriter, r *http.Request, id string) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET")
		h.refuse(w, http.StatusMethodNotAllowed)
		return
	}
	target, known := h.answers.follow(id)
	switch {
	case !known:
		h.refuse(w, http.StatusNotFound)
	case target == "":
		h.refuse(w, http.StatusGone)
	default:
		serving(r.Context(), nil)
		w.Header().Set("Location", target)
		w.WriteHeader(http.StatusSeeOther)
	}
}
