package identity_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/identity"
)

// A workload in a cluster signs in with the token that the cluster keeps fresh
// in a file.
func ExampleFile() {
	cluster := granttest.NewPlatform("https://cluster.example")
	srv := granttest.New(granttest.Config{Identity: cluster.Trust("https://auth.granttest.example")})
	dir, err := os.MkdirTemp("", "token")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "token") // /var/run/secrets/tokens/… in a cluster
	if err := os.WriteFile(path, []byte(cluster.Assertion("system:serviceaccount:shop:orders", srv.Issuer(), nil)),
		0o600); err != nil {
		fmt.Println(err)
		return
	}

	grant, err := oauth2grant.New(context.Background(), oauth2grant.JWTBearer{Assertion: identity.File(path)},
		oauth2grant.Config{
			Server:     oauth2grant.Server{Issuer: srv.Issuer()},
			Auth:       oauth2grant.Public("native"),
			HTTPClient: srv.HTTPClient(),
		})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer grant.Close()
	fmt.Println(grant.EnsureActiveToken(context.Background()))
	// Output: <nil>
}

// Exchanges chain: an assertion of the platform becomes a token of one server,
// which becomes one for another API.
func ExampleAccessToken() {
	ci := granttest.NewPlatform("https://ci.example")
	srv := granttest.New(granttest.Config{Identity: ci.Trust("https://auth.granttest.example")})
	cfg := oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: srv.Issuer()},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		HTTPClient: srv.HTTPClient(),
	}
	ctx := context.Background()

	job, err := oauth2grant.New(ctx, oauth2grant.TokenExchange{
		Subject: func(context.Context) (string, error) { // identity.GitHubActions, for one
			return ci.Assertion("repo:shop/orders", srv.Issuer(), nil), nil
		},
		SubjectType: oauth2grant.TokenTypeJWT,
	}, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer job.Close()
	cfg.Params = map[string][]string{"audience": {"https://billing.example"}}
	billing, err := oauth2grant.New(ctx, oauth2grant.TokenExchange{
		Subject: identity.AccessToken(job), SubjectType: oauth2grant.TokenTypeAccessToken,
	}, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer billing.Close()
	token, err := billing.Token(ctx)
	fmt.Println(token.TokenType, err)
	// Output: Bearer <nil>
}

// Cross-app access (ID-JAG): a person has signed in at their company; what that
// says of them is exchanged for a grant that the server of another application
// takes. The grant is good for one use, so it is fetched each time that the
// application needs a token.
func ExampleFromFlow() {
	person := granttest.NewPlatform("https://sso.example") // signs the ID tokens of the company
	sso := granttest.New(granttest.Config{Issuer: "https://sso.example", Identity: person.Trust("client")})
	app := granttest.New(granttest.Config{Issuer: "https://app.example", Identity: func(grant string) (string, error) {
		if !sso.Active(grant) { // a real server verifies the signature of the company
			return "", fmt.Errorf("unknown grant")
		}
		return "alice", nil
	}})
	ctx := context.Background()

	company, err := oauth2grant.NewClient(oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: sso.Issuer()},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		Params:     map[string][]string{"audience": {app.Issuer()}, "resource": {"https://api.app.example"}},
		HTTPClient: sso.HTTPClient(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	jag := identity.FromFlow(company, oauth2grant.TokenExchange{
		Subject: func(context.Context) (string, error) { // identity.IDToken of the grant of the person's sign-in
			return person.Assertion("alice", "client", nil), nil
		},
		SubjectType:   oauth2grant.TokenTypeIDToken,
		RequestedType: oauth2grant.TokenTypeIDJAG,
	})
	grant, err := oauth2grant.New(ctx, oauth2grant.JWTBearer{Assertion: jag}, oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: app.Issuer()},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		HTTPClient: app.HTTPClient(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer grant.Close()
	user, err := grant.Client().UserInfo(ctx, mustToken(grant))
	fmt.Println(user.Subject, err)
	// Output: alice <nil>
}

func mustToken(g *oauth2grant.Grant) string {
	token, err := g.Token(context.Background())
	if err != nil {
		panic(err)
	}
	return token.AccessToken
}
