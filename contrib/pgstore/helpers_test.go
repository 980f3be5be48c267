package pgstore_test

import "github.com/oauth2grant/go-oauth2grant/internal/storetrial"

var (
	must       = storetrial.Must
	lock       = storetrial.Lock
	holds      = storetrial.Holds
	fails      = storetrial.Fails
	subscribed = storetrial.Subscribed
)
