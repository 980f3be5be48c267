package apiauth

import "github.com/oauth2grant/go-oauth2grant/oauth2grant"

// Memory returns what opens stores in memory, which outlive an Auth.
func Memory() func(key string) (oauth2grant.Store, error) { return newMemory().open }
