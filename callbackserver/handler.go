package callbackserver

import (
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// handler answers every request of a server.
type handler struct {
	hosts            []string // values of Host that mean us
	path             string   // of the redirect URI
	done             string   // where the pages live, up to their id
	answers          *answers
	success, failure http.Handler
}

func newHandler(cfg Config, bound []netip.AddrPort, a *answers) *handler {
	h := &handler{
		hosts:   hostsOf(bound),
		path:    cfg.Path,
		done:    strings.TrimSuffix(cfg.Path, "/") + "/done/",
		answers: a,
		success: cfg.Success,
		failure: cfg.Failure,
	}
	if h.success == nil {
		h.success = http.HandlerFunc(showSuccess)
	}
	if h.failure == nil {
		h.failure = http.HandlerFunc(showFailure)
	}
	return h
}

// hostsOf returns the values of Host by which the bound addresses are reached.
func hostsOf(bound []netip.AddrPort) []string {
	var hosts []string
	for _, b := range bound {
		port := strconv.Itoa(int(b.Port()))
		for _, name := range []string{"localhost", b.Addr().String()} {
			host := net.JoinHostPort(name, port)
			hosts = append(hosts, host)
			if port == "80" { // the default port of http is left out
				hosts = append(hosts, strings.TrimSuffix(host, ":80"))
			}
		}
	}
	return hosts
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	id, done := strings.CutPrefix(r.URL.Path, h.done)
	switch {
	case !h.isOurs(r.Host):
		refuse(w, http.StatusMisdirectedRequest)
	case r.URL.Path == h.path:
		h.serveCallback(w, r)
	case done:
		h.servePage(w, r, id)
	default:
		refuse(w, http.StatusNotFound)
	}
}

// isOurs says whether host names this server: a page whose own name has been
// rebound to a loopback address sends its own.
func (h *handler) isOurs(host string) bool {
	return slices.ContainsFunc(h.hosts, func(our string) bool { return strings.EqualFold(our, host) })
}

func (h *handler) serveCallback(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, POST")
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	values, status := parameters(r)
	if status != http.StatusOK {
		refuse(w, status)
		return
	}
	p := h.answers.deliver(values)
	if p == nil {
		refuse(w, http.StatusBadRequest)
		return
	}
	serving(r.Context(), nil)
	w.Header().Set("Location", h.done+p.id)
	w.WriteHeader(http.StatusSeeOther)
}

func (h *handler) servePage(w http.ResponseWriter, r *http.Request, id string) {
	p := h.answers.page(id)
	if p == nil {
		refuse(w, http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET")
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	serving(r.Context(), p)

	r = r.Clone(r.Context())
	r.URL = &url.URL{Path: r.URL.Path, RawQuery: p.failure.Encode()}
	r.RequestURI = r.URL.RequestURI()
	r.Form, r.PostForm = nil, nil
	r.Header.Del("Referer") // it may be the URL with the code, whatever the Referrer-Policy
	if p.failure != nil {
		h.failure.ServeHTTP(w, r)
	} else {
		h.success.ServeHTTP(w, r)
	}
}

// parameters returns the parameters of an authorization answer, and the status of
// the refusal where they cannot be read or one of them is repeated (RFC 6749 §3.1).
func parameters(r *http.Request) (url.Values, int) {
	encoded := r.URL.RawQuery
	if r.Method == http.MethodPost {
		body, status := form(r)
		if status != http.StatusOK {
			return nil, status
		}
		encoded = body
	}
	values, err := url.ParseQuery(encoded)
	if err != nil {
		return nil, http.StatusBadRequest
	}
	for _, v := range values {
		if len(v) != 1 {
			return nil, http.StatusBadRequest
		}
	}
	return values, http.StatusOK
}

// form reads the body of a form_post answer (OAuth 2.0 Form Post Response Mode).
func form(r *http.Request) (string, int) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return "", http.StatusUnsupportedMediaType
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBodyBytes))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return "", http.StatusRequestEntityTooLarge
	}
	if err != nil {
		return "", http.StatusBadRequest
	}
	return string(body), http.StatusOK
}
