// Package oauth2source joins oauth2grant to golang.org/x/oauth2: to the many
// libraries that take an [oauth2.TokenSource], and to programs that have one.
//
// For a library that wants a TokenSource, use [TokenSource]:
//
//	grant, err := oauth2grant.New(ctx, flow, cfg)
//	...
//	defer grant.Close()
//	service, err := drive.NewService(ctx, option.WithTokenSource(oauth2source.TokenSource(ctx, grant, 0)))
//
// For one that wants an http.Client, [oauth2grant.Grant.HTTPClient] does more:
// it waits on the context of each request, and renews after a 401.
//
// For a program that has an [oauth2.Config] or a [clientcredentials.Config],
// use [FromConfig] or [FromClientCredentials]:
//
//	grant, err := oauth2grant.New(ctx, oauth2grant.ClientCredentials{}, oauth2source.FromClientCredentials(old))
//
// For one whose tokens come from a TokenSource that nothing here replaces, use
// [Flow]; for one that has stored an [oauth2.Token], use [FromToken].
package oauth2source
