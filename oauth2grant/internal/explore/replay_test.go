package explore

import "testing"

// TestReplay follows schedules that have broken a rule once.
func TestReplay(t *testing.T) {
	for _, c := range []struct {
		name     string
		scenario Scenario
		schedule string
	}{
		{
			"a renewal that SetToken overtakes while it waits for the lock",
			Scenario{Store: Leased, Stored: Fresh, Calls: []string{"SetToken RefreshToken"}},
			"A.SetToken() A.lock A.load A.RefreshToken() A.load A.save A.unlock",
		},
		{
			"a sign-in while the store can't be read",
			Scenario{Store: Leased, Stored: Unread, Calls: []string{"FetchToken"}, Faults: 1},
			"A.FetchToken() A.flow store:away",
		},
		{
			"SetToken without the lock, which the holder undoes",
			Scenario{Store: Leased, Stored: Due, Calls: []string{"SetToken"}, Faults: 1},
			"A.load A.lock A.load A.save A.authenticate A.body A.SetToken() A.arrive A.answer store:away",
		},
		{
			"a caller who leaves a sign-in that refreshes",
			Scenario{
				Store: Leased, Stored: Nothing, Interactive: true, Calls: []string{"Token", "SetStale"}, Faults: 2,
			},
			"A.Token() A.load A.lock A.load B.SetStale() A.unlock B.lock B.load B.save B.unlock A.lock A.load " +
				"A.unlock A.load A.lock A.load A.save A.authenticate A.body A.arrive A.Token():left time",
		},
		{
			"a second sign-out while the store is away",
			Scenario{Store: Leased, Stored: Fresh, Calls: []string{"Revoke Revoke"}, Faults: 1},
			"A.Revoke() store:away A.lock A.revoke A.revoke A.Revoke#2()",
		},
		{
			"the last look at the lock comes too early",
			Scenario{Store: Leased, Stored: Due, Calls: []string{"", ""}, Faults: 1},
			"A.load A.lock A.load A.save A.authenticate A:lapses",
		},
		{
			"a sign-out while a token that was set waits",
			Scenario{Store: Leased, Stored: Fresh, Calls: []string{"SetToken Revoke"}, Faults: 1},
			"store:away",
		},
		{
			"a sign-out of what another process has renewed",
			Scenario{Store: Leased, Stored: Due, Calls: []string{"", "Revoke"}, Faults: 1},
			"A.load B.load A.lock A.load A.save A.authenticate A.body A.arrive A.answer A.saveanswer A.unlock " +
				"store:away",
		},
		{
			"a token that was saved, though the store said otherwise, and renewed since",
			Scenario{
				Store: Leased, Stored: Nothing, Interactive: true, Calls: []string{"Token", "SetStale"}, Faults: 1,
			},
			"B.SetStale() B.lock B.load B.save:lost B.unlock A.Token() A.load A.lock A.load A.save A.authenticate " +
				"A.body A.arrive A.answer A.saveanswer A.unlock",
		},
		{
			"a token that was saved, though the store said otherwise, before another sign-in",
			Scenario{
				Store: Notifying, Stored: Unread, Interactive: true,
				Calls: []string{"FetchToken", "SetToken"}, Faults: 1,
			},
			"B.SetToken() B.lock B.load B.save:lost A.FetchToken()",
		},
		{
			"a store that goes back behind what was only adopted",
			Scenario{Store: Leased, Stored: Due, Calls: []string{"", ""}, Faults: 1},
			"B.load B.lock A.load B.load B.save B.authenticate B.body B.arrive B.answer B.saveanswer B.unlock A.lock " +
				"A.load store:back",
		},
		{
			"a store that goes back behind a mark",
			Scenario{Store: Notifying, Stored: Fresh, Calls: []string{"RefreshToken", "RefreshToken"}, Faults: 1},
			"A.RefreshToken() A.load A.lock A.load A.save A.authenticate A.body A.arrive A.answer A.saveanswer " +
				"A.unlock B.load B.RefreshToken() B.load B.lock B.load B.save B.authenticate B.body B.arrive " +
				"B.answer store:back",
		},
		{
			"a token that was set, and renewed before SetToken has the lock",
			Scenario{Store: File, Stored: Unread, Calls: []string{"RefreshToken FetchToken SetToken"}},
			"A.FetchToken() A.flow A.lock A.SetToken() A.load A.RefreshToken() A.save A.load A.unlock A.lock#2",
		},
		{
			"a sign-out that could not be saved, and a look at the store that fails",
			Scenario{
				Store: Notifying, Stored: Fresh, Faults: 3,
				Calls: []string{
					"Invalidate Revoke RefreshToken", "Revoke RefreshToken FetchToken",
					"RefreshToken FetchToken SetToken",
				},
			},
			"B.RefreshToken() B.FetchToken() A.RefreshToken() A.Invalidate() B.Revoke() B.load store:away B.lock#2 " +
				"A.load A.lock A.Revoke() B.lock A.lock B.revoke B.revoke B.flow A.revoke A.revoke C:killed A.load " +
				"B.load A.load A.lock A.load:fails",
		},
		{
			"a token that was saved, though the store said otherwise, and signed out of since",
			Scenario{
				Store: Leased, Stored: Nothing, Faults: 1,
				Calls: []string{
					"SetToken Token Invalidate", "Token Invalidate Revoke", "Invalidate Revoke RefreshToken",
				},
			},
			"A.Invalidate() C.RefreshToken() A.SetToken() A.load A.lock A.load A.save:lost",
		},
		{
			"a renewal that is tried again while a sign-out is under way",
			Scenario{
				Store: Leased, Stored: Dead, Faults: 3,
				Calls: []string{
					"SetToken Token Invalidate", "Token Invalidate Revoke", "Invalidate Revoke RefreshToken",
				},
			},
			"C.Invalidate() C.load A.Token() C.lock:fails A.load C.Revoke() A.lock A.load A.save A.authenticate " +
				"A.body A.arrive A.answer A.SetToken() A.load A.flow A.load A.save A.unlock C.lock C.load time",
		},
		{
			"a look at the store that SetToken overtakes",
			Scenario{Store: Leased, Stored: Unread, Faults: 1, Calls: []string{"SetToken Token"}},
			"A.SetToken() A.lock A.load A.Token() A.load:late A.save A.unlock A.loaded",
		},
		{
			"a sign-in in the place of a sign-out that could not be saved",
			Scenario{
				Store: Notifying, Stored: Due, Faults: 3,
				Calls: []string{
					"Invalidate Revoke RefreshToken", "Revoke RefreshToken FetchToken",
					"RefreshToken FetchToken SetToken",
				},
			},
			"A.Revoke() A.lock:fails A.load A.lock A.Invalidate() A.load A.unlock A.load A.lock A.load store:away",
		},
		{
			"a refresh that SetToken overtakes while the store can't be read",
			Scenario{
				Store: Leased, Stored: Fresh, Faults: 3,
				Calls: []string{
					"SetToken Token Invalidate", "Token Invalidate Revoke", "Invalidate Revoke RefreshToken",
				},
			},
			"A.Invalidate() A.load C.Invalidate() C.load A.lock A.load A.save A.authenticate A.body " +
				"A.SetToken() A.arrive A.answer A.load time",
		},
		{
			"SetToken beside a write of it that has lost the lock",
			Scenario{
				Store: Leased, Stored: Due, Interactive: true, Faults: 3,
				Calls: []string{
					"SetToken Token Invalidate", "Token Invalidate Revoke", "Invalidate Revoke RefreshToken",
				},
			},
			"A.load A.lock C.Revoke() C.load A.load A.save A.authenticate A.body A.SetToken() " +
				"A.arrive A.answer A:stopped C.lock C.load C.revoke C.revoke A:wakes A.load C.delete C.unlock A.lock " +
				"A.load",
		},
		{
			"a look that ends after a sign-out that could not be saved",
			Scenario{
				Store: Notifying, Stored: Fresh, Interactive: true, Faults: 3,
				Calls: []string{
					"Invalidate Revoke RefreshToken", "Revoke RefreshToken FetchToken",
					"RefreshToken FetchToken SetToken",
				},
			},
			"C.SetToken() A.RefreshToken() A.Invalidate() A.load C.lock C:ends C.save A.load A.Revoke() C.unlock " +
				"A.lock:fails B:killed",
		},
		{
			"a person who is asked for before the store changes, and told of it afterwards",
			Scenario{
				Store: Notifying, Interactive: true, Faults: 3,
				Calls: []string{
					"Invalidate Revoke RefreshToken", "Revoke RefreshToken FetchToken",
					"RefreshToken FetchToken SetToken",
				},
			},
			"A.RefreshToken() A.load A.lock A.Revoke() C.SetToken() A.load A:stopped A:wakes C.lock C:ends C.save " +
				"C.unlock A.lock",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if x := Replay(t, &c.scenario, c.schedule); x.Rule != "" {
				t.Errorf("%s: %s\n\t%s", x.Rule, x.Text, x.Schedule)
			}
		})
	}
}
