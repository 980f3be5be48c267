package callbackserver_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/oauth2grant/go-oauth2grant/callbackserver"
)

func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()

	srv, err := callbackserver.Listen(ctx, callbackserver.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()

	const state = "made-of-32-random-bytes"
	srv.Expect(state)

	// The authorization server sends the browser here; this stands in for it.
	resp, err := http.Get(srv.RedirectURI() + "?code=SplxlOBeZQQYbYS6WxSbIA&state=" + state)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	fmt.Println("the browser shows:", resp.Status)

	answer, err := srv.Wait(ctx, state)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the code is:", answer.Get("code"))
	// Output:
	// the browser shows: 200 OK
	// the code is: SplxlOBeZQQYbYS6WxSbIA
}
