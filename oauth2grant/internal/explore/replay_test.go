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
			"A.load A.lock A.load A.authenticate A.body A.SetToken() A.arrive A.answer store:away A.lock A.save",
		},
		{
			"a caller who leaves a sign-in that refreshes",
			Scenario{Store: Leased, Stored: Nothing, Interactive: true, Calls: []string{"Token", "SetStale"}, Faults: 2},
			"A.Token() A.load A.lock A.load B.SetStale() A.unlock B.lock B.load B.save B.unlock " +
				"A.lock A.load A.load A.authenticate A.body A.arrive A.Token():left time",
		},
		{
			"a second sign-out while the store is away",
			Scenario{Store: Leased, Stored: Fresh, Calls: []string{"Revoke Revoke"}, Faults: 1},
			"A.Revoke() store:away A.lock A.revoke A.revoke A.delete A.Revoke#2()",
		},
		{
			"the last look at the lock comes too early",
			Scenario{Store: Leased, Stored: Due, Calls: []string{"", ""}, Faults: 1},
			"A.load A.lock A.load A.authenticate A:lapses",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if x := Replay(t, &c.scenario, c.schedule); x.Rule != "" {
				t.Errorf("%s: %s\n\t%s", x.Rule, x.Text, x.Schedule)
			}
		})
	}
}
