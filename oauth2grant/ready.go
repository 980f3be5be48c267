package oauth2grant

import (
	"encoding/json"
	"net/http"
)

// ReadyHandler returns a handler for a readiness probe: 200 OK if every grant
// has a token that can be used, else 503 Service Unavailable. The body is JSON
// with the name and the [Status] of each grant: no secret, but the texts of
// errors, which name hosts.
//
// A grant without a usable token is asked for one first, since no caller may
// come before the probe has passed: this waits no longer than the request's
// context, asks the server no more often than the back-off allows, and never
// starts a flow that needs a person.
func ReadyHandler(grants ...*Grant) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		type named struct {
			Name   string `json:"name"`
			Status Status `json:"status"`
		}
		answer := struct {
			Ready  bool    `json:"ready"`
			Grants []named `json:"grants"`
		}{true, make([]named, 0, len(grants))}
		for _, g := range grants {
			s := g.Status()
			if !s.Usable && g.grant != nil && !g.flow.Interactive() {
				_ = g.EnsureActiveToken(r.Context()) // its error is in the status
				s = g.Status()
			}
			one := named{Status: s}
			if g.grant != nil {
				one.Name = g.cfg.Name
			}
			answer.Ready = answer.Ready && s.Usable
			answer.Grants = append(answer.Grants, one)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if !answer.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(answer)
	})
}
