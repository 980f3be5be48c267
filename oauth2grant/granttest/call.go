package granttest

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"
)

// maxBody is how much of a request body is read, in bytes.
const maxBody = 1 << 20

// call is one request on its way through the server.
type call struct {
	*http.Request
	endpoint Endpoint
	form     url.Values
	body     string
	encoded  bool  // the form is that of the body
	formErr  error // why the form is not complete

	client *caller // once it is authenticated
}

func read(r *http.Request) (*call, error) {
	c := &call{Request: r, form: url.Values{}}
	if r.Body != nil {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
		if err != nil {
			return nil, err
		}
		c.body = string(body)
	}
	query := r.URL.RawQuery
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media == formType && r.Method == http.MethodPost {
		query, c.encoded = c.body, true
	}
	c.form, c.formErr = url.ParseQuery(query)
	return c, nil
}

// arrive enters the call into the log and says what is to go wrong with it.
func (s *Server) arrive(c *call) (*Request, Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.endpoint = s.endpoint(c.URL.Path)
	id, _, ok := basicAuth(c.Header)
	if !ok {
		id = c.form.Get("client_id")
	}
	entry := Request{
		Time: time.Now(), Endpoint: c.endpoint, Method: c.Method, URL: c.URL.String(), Header: c.Header,
		Form: c.form, Body: c.body, ClientID: id,
	}.clone()
	s.log = append(s.log, &entry)
	return &entry, s.nextFault(c.endpoint)
}

// handle answers one request, or says why there is no answer: the connection
// was cut or the request's context ended.
func (s *Server) handle(r *http.Request) (*response, error) {
	ctx := r.Context()
	c, err := read(r)
	if err != nil {
		return nil, err
	}
	entry, fault := s.arrive(c)
	if fault.Hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if err := wait(ctx, fault.Delay); err != nil {
		return nil, err
	}
	if fault.Cut == CutBefore {
		return nil, errCut
	}
	a := s.process(c, entry, fault)
	if err := wait(ctx, fault.DelayAnswer); err != nil {
		return nil, err
	}
	if fault.Cut == CutAfter {
		return nil, errCut
	}
	return fault.encode(a), nil
}

func (s *Server) process(c *call, entry *Request, fault Fault) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := fault.canned()
	if !ok {
		a = s.answer(c)
	}
	entry.Status, entry.Code = a.status, a.code
	return a
}

// route is how an endpoint may be asked.
type route struct {
	methods []string // empty: any
	form    bool     // a form-encoded body is required
	answer  func(*call) (answer, error)
}

func (s *Server) route(e Endpoint) (route, bool) {
	post, get := []string{http.MethodPost}, []string{http.MethodGet}
	either := []string{http.MethodGet, http.MethodPost}
	r, ok := map[Endpoint]route{
		Token:               {post, true, s.bound(s.exchange)},
		DeviceAuthorization: {post, true, s.authorizeDevice},
		Revocation:          {post, true, s.revoke},
		Introspection:       {post, true, s.introspect},
		PAR:                 {post, true, s.bound(s.push)},
		Authorize:           {either, false, s.authorize},
		DeviceVerification:  {get, false, s.verifyDevice},
		Discovery:           {get, false, s.metadata},
		OpenIDConfiguration: {get, false, s.metadata},
		JWKS:                {get, false, s.jwks},
		UserInfo:            {either, false, s.bound(s.userInfo)},
		Resource:            {nil, false, s.bound(s.resource)},
		ResourceMetadata:    {get, false, s.describeResource},
		Register:            {nil, false, s.register},
	}[e]
	return r, ok
}

func (s *Server) answer(c *call) answer {
	r, ok := s.route(c.endpoint)
	if !ok {
		return answer{status: http.StatusNotFound, text: "granttest: no such endpoint\n"}
	}
	if a, ok := r.refuseMethod(c.Method); ok {
		return a
	}
	err := c.wellFormed(r.form)
	var a answer
	if err == nil {
		a, err = r.answer(c)
	}
	var refusal *Refusal
	if errors.As(err, &refusal) {
		a = refusal.answer()
	}
	return s.challenges(c, a)
}
