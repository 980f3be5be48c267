package callbackserver

import (
	"cmp"
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
	path             string   // where answers arrive
	done             string   // where the pages live, up to their id
	shown            string   // the same, as the browser sees it
	name             string   // of the program
	answers          *answers
	success, failure http.Handler
}

func newHandler(set settings, bound []netip.AddrPort, a *answers) *handler {
	h := &handler{
		hosts:   hostsOf(set.registered, bound),
		path:    set.Path,
		done:    donePath(set.Path),
		shown:   donePath(set.Path),
		name:    printable(set.Name, maxName),
		answers: a,
		success: set.Success,
		failure: set.Failure,
	}
	if set.registered != nil {
		h.shown = donePath(set.registered.EscapedPath())
	}
	if h.success == nil {
		h.success = http.HandlerFunc(h.showSuccess)
	}
	if h.failure == nil {
		h.failure = http.HandlerFunc(h.showFailure)
	}
	return h
}

func donePath(path string) string { return strings.TrimSuffix(path, "/") + "/done/" }

// hostsOf returns the values of Host by which the server is reached: at the
// bound addresses, and at the registered redirect URI if there is one.
func hostsOf(registered *url.URL, bound []netip.AddrPort) []string {
	var hosts []string
	add := func(name, port, standard string) {
		host := net.JoinHostPort(name, port)
		hosts = append(hosts, host)
		if port == standard { // it is left out
			hosts = append(hosts, strings.TrimSuffix(host, ":"+port))
		}
	}
	for _, b := range bound {
		names := []string{"localhost", b.Addr().String()}
		if !b.Addr().IsLoopback() {
			names = append(names, loopback4.String(), loopback6.String())
		}
		for _, name := range names {
			add(name, strconv.Itoa(int(b.Port())), "80")
		}
	}
	if registered != nil {
		standard := map[string]string{"http": "80", "https": "443"}[registered.Scheme]
		add(registered.Hostname(), cmp.Or(registered.Port(), standard), standard)
	}
	return hosts
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	page, isPage := strings.CutPrefix(r.URL.Path, h.done)
	link, isStart := strings.CutPrefix(r.URL.Path, startPath)
	switch {
	case !h.isOurs(r.Host):
		h.refuse(w, http.StatusMisdirectedRequest)
	case r.URL.Path == h.path:
		h.serveCallback(w, r)
	case isPage:
		h.servePage(w, r, page)
	case isStart:
		h.serveStart(w, r, link)
	default:
		h.refuse(w, http.StatusNotFound)
	}
}

// isOurs reports whether host names this server: a page whose own name has been
// rebound to a loopback address sends its own.
func (h *handler) isOurs(host string) bool {
	return slices.ContainsFunc(h.hosts, func(our string) bool { return strings.EqualFold(our, host) })
}

func (h *handler) serveCallback(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, POST")
		h.refuse(w, http.StatusMethodNotAllowed)
		return
	}
	values, status := parameters(r)
	if status != http.StatusOK {
		h.refuse(w, status)
		return
	}
	p := h.answers.deliver(values)
	if p == nil {
		h.refuse(w, http.StatusBadRequest)
		return
	}
	serving(r.Context(), nil)
	w.Header().Set("Location", h.shown+p.id)
	w.WriteHeader(http.StatusSeeOther)
}

func (h *handler) servePage(w http.ResponseWriter, r *http.Request, id string) {
	p := h.answers.page(id)
	if p == nil {
		h.refuse(w, http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET")
		h.refuse(w, http.StatusMethodNotAllowed)
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

// parameters returns the parameters of an authorization answer, and the status
// of the refusal where they cannot be read or one of them is repeated (RFC 6749
// §3.1).
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

// form reads the body of a form_post answer (OAuth 2.0 Form Post Response
// Mode).
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
