// Package callbackserver receives the answer of an authorization server on the
// loopback interface, as RFC 8252 §7.3 has native apps do it.
//
// A [Server] is one redirect receiver that several sign-ins may share, each
// known by its state:
//
//	srv, err := callbackserver.Listen(ctx, callbackserver.Config{})
//	if err != nil {
//		return err
//	}
//	defer srv.Close()
//
//	srv.Expect(state)
//	// open an authorization URL with srv.RedirectURI() and state in the browser
//	answer, err := srv.Wait(ctx, state)
//
// Only a request that carries an expected state decides anything: whatever else
// reaches the port is refused, and the wait goes on. The answer is handed over
// as it came, as a query (GET) or as a form (POST, the form_post response
// mode). Checking iss, error and code, in this order, is left to the caller,
// and so is making the state: 32 random bytes, one for each sign-in.
//
// Behind a proxy, or in a container, set [Config.RedirectURI] and perhaps
// [Config.AllowNonLoopback]. Elsewhere [Server.Start] keeps the state out of
// the arguments of the command that opens the browser.
//
// The browser is redirected away from the URL that holds the code, to a page
// that sends the person back to the program. The page does not say "signed in",
// since the code has not been exchanged yet; it says what is true by then, in
// the name of the program if [Config.Name] tells it.
package callbackserver
