// Package e2e drives the library against real authorization servers:
// oidc-provider, which is OpenID-certified, and Ory Fosite. The servers run on
// loopback, and persons sign in to them at a real browser; e2e/setup.sh
// installs what they need.
package e2e
