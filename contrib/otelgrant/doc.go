// Package otelgrant makes OpenTelemetry metrics and spans of what happens to
// the token of a grant, so that those on call know before callers do.
//
//	grant, err := oauth2grant.New(ctx, flow, cfg)
//	...
//	defer grant.Close()
//	stop, err := otelgrant.Observe(grant, otelgrant.Config{Name: "billing"})
//	...
//	defer stop()
//
// It listens to [oauth2grant.Grant.Subscribe] and reads
// [oauth2grant.Grant.Status] when metrics are collected: the path that puts a
// token on a request is as it was. Nothing that it records holds a secret, a
// subject or the text of an error.
//
// # Metrics
//
// OpenTelemetry has no conventions for OAuth clients. The names are formed as
// those for HTTP are: a duration is a histogram in seconds, whose count is the
// number of acquisitions, and error.type is there when one failed.
//
//	name                                   instrument  unit      attributes besides oauth2.grant.name
//	oauth2.client.acquisition.duration     histogram   s         oauth2.operation, oauth2.outcome, error.type
//	oauth2.client.acquisition.waiters      histogram   {caller}  oauth2.operation, oauth2.outcome
//	oauth2.client.renewal.remaining        histogram   s         oauth2.outcome
//	oauth2.client.events                   counter     {event}   oauth2.event
//	oauth2.client.events.dropped           counter     {event}
//	oauth2.client.token.expiry             gauge       s
//	oauth2.client.token.usable             gauge       {token}
//	oauth2.client.failures                 gauge       {failure}
//
// An acquisition is one renewal or sign-in, however many callers wait for it.
// oauth2.operation is [oauth2grant.Event.Op], such as refresh_token or
// client_credentials; it is absent where nothing was asked of the server.
// oauth2.outcome is obtained, adopted (from the store, where another process
// had put it), failed or login_required. error.type is the OAuth error code,
// else the HTTP status, else login_required, timeout, canceled or _OTHER.
//
// remaining is how long the token that was replaced would still have lived; it
// is zero where it was over. expiry is the time until the token held ends, and
// negative after that; it is absent where there is no token, or one of unknown
// lifetime. failures is the number of failed attempts in a row.
//
// # Spans
//
// Each acquisition is one span of kind client, from its start to its end, whose
// name is "oauth2" and the operation. Its parent is the span of the call that
// led to it; one that the background began is a root. The number of callers
// that waited is its attribute oauth2.waiters, server.address the host that
// refused.
//
// # Alerts
//
// Two rules, with the names that the Prometheus exporter makes of these. The
// first says that callers will soon be without a token, or are, and that nobody
// is mending it; the second that renewal has not worked for a while, which
// nobody feels yet.
//
//	groups:
//	  - name: oauth2
//	    rules:
//	      - alert: OAuthTokenEnding
//	        expr: >
//	          (oauth2_client_token_expiry_seconds < 120 or oauth2_client_token_usable == 0)
//	          and on (job, instance, oauth2_grant_name) oauth2_client_failures > 0
//	        for: 1m
//	        labels: {severity: page}
//	        annotations:
//	          summary: "{{ $labels.oauth2_grant_name }} has no token, or soon has none"
//	      - alert: OAuthRenewalFailing
//	        expr: min_over_time(oauth2_client_failures[10m]) > 0
//	        labels: {severity: ticket}
//	        annotations:
//	          summary: "{{ $labels.oauth2_grant_name }} has not renewed its token for 10 minutes"
package otelgrant
