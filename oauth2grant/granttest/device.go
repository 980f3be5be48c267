package granttest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// slowDown is what each slow_down adds to the interval (RFC 8628 §3.5).
const slowDown = 5 * time.Second

// device is a request that waits for a person with a user code.
type device struct {
	family   *family
	userCode string
	pkce     pkce
	expiry   time.Time
	interval time.Duration
	polled   time.Time // last; zero: not yet
	decision decision
}

type decision int

const (
	pending decision = iota
	approved
	denied
	redeemed
)

// authorizeDevice is RFC 8628 §3.1.
func (s *Server) authorizeDevice(c *call) (answer, error) {
	client, err := s.authenticate(c)
	if err != nil {
		return answer{}, err
	}
	challenge, err := challengeOf(c.form)
	if err != nil {
		return answer{}, err
	}
	text := rand.Text()
	d := &device{
		family:   &family{client: client.ID, scope: scopeOf(c)},
		userCode: text[:4] + "-" + text[4:8],
		pkce:     challenge,
		expiry:   time.Now().Add(s.cfg.DeviceLifetime),
		interval: s.cfg.DeviceInterval,
	}
	deviceCode := "device-" + rand.Text()
	s.devices[deviceCode] = d
	verification := s.url(DeviceVerification)
	return reply(map[string]any{
		"device_code":               deviceCode,
		"user_code":                 d.userCode,
		"verification_uri":          verification,
		"verification_uri_complete": verification + "?" + url.Values{"user_code": {d.userCode}}.Encode(),
		"interval":                  int64(d.interval / time.Second),
		"expires_in":                int64(s.cfg.DeviceLifetime / time.Second),
	}), nil
}

// poll is RFC 8628 §3.4 and §3.5.
func (s *Server) poll(client caller, c *call) (answer, error) {
	if !c.form.Has("device_code") {
		return answer{}, refuse("invalid_request", "device_code is missing")
	}
	d := s.devices[c.form.Get("device_code")]
	if d == nil || d.family.client != client.ID || d.decision == redeemed {
		return answer{}, refuse("invalid_grant", "the device code is unknown, used or another client's")
	}
	last := d.polled
	d.polled = time.Now()
	switch {
	case d.decision == denied:
		return answer{}, refuse("access_denied", "the user said no")
	case expired(d.expiry):
		return answer{}, refuse("expired_token", "nobody entered the user code in time")
	case d.decision == approved:
		if err := d.pkce.check(c.form.Get("code_verifier")); err != nil {
			return answer{}, err
		}
		d.decision = redeemed
		return s.firstAnswer(d.family, grantDeviceCode), nil
	case !last.IsZero() && time.Since(last) < d.interval:
		d.interval += slowDown
		return answer{}, refuse("slow_down", "polled before the interval was over")
	default:
		return answer{}, refuse("authorization_pending", "nobody has entered the user code yet")
	}
}

// ApproveDevice is a user who enters a user code, in any case and with or
// without its dash, and approves. A code that is unknown, expired or decided
// on, and a user that [Config.Users] does not have, are refused with a
// *[Refusal].
func (s *Server) ApproveDevice(userCode, user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.approveDevice(userCode, user)
}

func (s *Server) approveDevice(userCode, user string) error {
	if _, ok := s.cfg.Users[user]; !ok {
		return refuse("access_denied", "no such user")
	}
	d, err := s.waiting(userCode)
	if err != nil {
		return err
	}
	d.decision, d.family.user = approved, user
	return nil
}

// DenyDevice is a user who enters a user code and denies. Its errors are those
// of [Server.ApproveDevice].
func (s *Server) DenyDevice(userCode string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.denyDevice(userCode)
}

func (s *Server) denyDevice(userCode string) error {
	d, err := s.waiting(userCode)
	if err != nil {
		return err
	}
	d.decision = denied
	return nil
}

func (s *Server) waiting(userCode string) (*device, error) {
	plain := func(code string) string { return strings.ToUpper(strings.ReplaceAll(code, "-", "")) }
	for _, d := range s.devices {
		if plain(d.userCode) == plain(userCode) && d.decision == pending && !expired(d.expiry) {
			return d, nil
		}
	}
	return nil, refuse("invalid_request", "the user code is unknown, expired or decided on")
}

// verifyDevice is the page of RFC 8628 §3.3, with the login_hint of the
// authorization endpoint.
func (s *Server) verifyDevice(c *call) (answer, error) {
	userCode, hint := c.form.Get("user_code"), c.form.Get("login_hint")
	user, approval := strings.CutPrefix(hint, "auto:")
	var err error
	switch {
	case approval:
		err = s.approveDevice(userCode, user)
	case hint == "deny":
		err = s.denyDevice(userCode)
	case userCode == "":
		return answer{status: http.StatusOK, text: "Add ?user_code= to this address.\n"}, nil
	default:
		return s.choices("Connect "+userCode, c.URL, c.form), nil
	}
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, text: "Return to the device.\n"}, nil
}
