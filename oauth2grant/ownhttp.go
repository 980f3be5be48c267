package oauth2grant

import (
	"net/http"
	"time"
)

// maxIdle is for how long the library's own transport keeps a connection that
// no request uses. Token requests are minutes apart, so that it saves nothing,
// and may be one that the server closes just as a refresh token is sent on it:
// then nobody knows whether that was spent.
const maxIdle = time.Second

// ownTransport is what the requests of a Client go through.
type ownTransport struct {
	http.RoundTripper
	guard     *guard // nil: none
	closeIdle func() // closes idle connections, unless they are the user's
}

// transport returns what the client's requests go through.
func (cfg *Config) transport() ownTransport {
	if hc := cfg.HTTPClient; hc != nil {
		rt := hc.Transport
		if rt == nil {
			rt = http.DefaultTransport
		}
		return ownTransport{RoundTripper: rt, closeIdle: func() {}} // the user's, who may use it elsewhere
	}
	standard, ok := http.DefaultTransport.(*http.Transport)
	if !ok { // the program has put another there
		return ownTransport{RoundTripper: http.DefaultTransport, closeIdle: func() {}}
	}
	own := standard.Clone()
	own.MaxResponseHeaderBytes = 1 << 20
	own.IdleConnTimeout = maxIdle
	return ownTransport{RoundTripper: own, guard: guarded(own, cfg.Server.Issuer), closeIdle: own.CloseIdleConnections}
}
