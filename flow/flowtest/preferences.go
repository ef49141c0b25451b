package flowtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

var preferences = []scenario{
	{"of an account are its own", accountPreferences},
	{"of a team are its members'", orgPreferences},
	{"of a team can be opaque", opaquePreferences},
	{"are set by owners and admins", preferenceRights},
	{"have a form and limits", preferencesAreChecked},
	{"mute teams, channels and people", mutedByPreferences},
	{"are done once under one request", preferencesOnce},
}

// prefers sets preferences of the account, as JSON text.
func (p *person) prefers(t *testing.T, items string, clear ...string) {
	t.Helper()
	must(t, p, flow.SetAccountPreferences, flow.SetAccountPreferencesInput{
		Preferences: json.RawMessage(items), ClearPreferences: clear,
	})
}

func accountPreferences(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	if got := raw(t, alice, "AccountPreferences", `{}`); got != "{}" {
		t.Errorf("a new account prefers %s, want {}", got)
	}
	alice.prefers(t, `{"theme":"dark","size":12345678901234567890.5,"list":[1,{"a":null}],"none":null,"🦊":true}`)
	raw(t, alice, "SetAccountPreferences", `{"Preferences":null,"ClearPreferences":null}`)
	raw(t, alice, "SetAccountPreferences", `{"Preferences":{ "theme" : {"name": "light"} },"ClearPreferences":["list","unheard of"]}`)
	want := `{"theme":{"name":"light"},"size":12345678901234567890.5,"none":null,"🦊":true}`
	for _, p := range []*person{alice, n.returns(t, "alice")} {
		sameJSON(t, "alice's preferences", want, raw(t, p, "AccountPreferences", `{}`))
	}
	if got := raw(t, bob, "AccountPreferences", `{}`); got != "{}" {
		t.Errorf("bob prefers %s", got)
	}
}

func orgPreferences(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	other := alice.founds(t, "Other")
	read := func(p *person, org flow.OrgID) string {
		return raw(t, p, "OrgPreferences", fmt.Sprintf(`{"OrgID":%q}`, org))
	}
	if got := read(bob, org); got != "{}" {
		t.Errorf("a new team prefers %s, want {}", got)
	}
	set := func(items string, clear ...string) {
		must(t, alice, flow.SetOrgPreferences, flow.SetOrgPreferencesInput{
			OrgID: org, Preferences: json.RawMessage(items), ClearPreferences: clear,
		})
	}
	set(`{"colour":"blue","days":[1,5]}`)
	set(`{"days":[]}`, "colour")
	for _, p := range []*person{alice, bob} {
		sameJSON(t, "the team's preferences", `{"days":[]}`, read(p, org))
	}
	if got := read(alice, other); got != "{}" {
		t.Errorf("the other team prefers %s", got)
	}
	if got := raw(t, alice, "AccountPreferences", `{}`); got != "{}" {
		t.Errorf("its owner prefers %s", got)
	}
}

func opaquePreferences(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	read := func(key string) string {
		return raw(t, bob, "GetOrgPref", fmt.Sprintf(`{"OrgID":%q,"Key":%q}`, org, key))
	}
	if got := read("logo"); got != "{}" {
		t.Errorf("an opaque preference that was never set is %s, want {}", got)
	}
	bytes := base64.URLEncoding.EncodeToString([]byte{0xfb, 0xff, 0xfe, 0})
	for _, value := range []string{"aGVsbG8=", bytes} {
		must(t, alice, flow.SetOrgPref, flow.SetOrgPrefInput{OrgID: org, Key: "logo", Value: value})
		sameJSON(t, "the opaque preference", `{"value":"`+value+`"}`, read("logo"))
	}
	must(t, alice, flow.SetOrgPreferences, flow.SetOrgPreferencesInput{OrgID: org, Preferences: json.RawMessage(`{"logo":1}`)})
	sameJSON(t, "the opaque one beside another of the same name", `{"value":"`+bytes+`"}`, read("logo"))
	sameJSON(t, "the preferences", `{"logo":1}`, raw(t, bob, "OrgPreferences", fmt.Sprintf(`{"OrgID":%q}`, org)))
	must(t, alice, flow.SetOrgPref, flow.SetOrgPrefInput{OrgID: org, Key: "logo"})
	if got := read("logo"); got != "{}" {
		t.Errorf("a removed opaque preference is %s, want {}", got)
	}
	for _, value := range []string{"aGVsbG8", "+/8=", "aGVs\nbG8=", "aGVsbG9=", "no", strings.Repeat("AAAA", flow.MaxPreference/4+1)} {
		refuse(t, alice, flow.SetOrgPref, flow.SetOrgPrefInput{OrgID: org, Key: "logo", Value: value}, flow.Invalid)
	}
	for _, key := range []string{"", " ", "a\nb", strings.Repeat("k", 201)} {
		refuse(t, alice, flow.SetOrgPref, flow.SetOrgPrefInput{OrgID: org, Key: key, Value: "AAAA"}, flow.Invalid)
	}
	for i := range flow.MaxPreferences {
		must(t, alice, flow.SetOrgPref, flow.SetOrgPrefInput{OrgID: org, Key: fmt.Sprint(i), Value: "AAAA"})
	}
	refuse(t, alice, flow.SetOrgPref, flow.SetOrgPrefInput{OrgID: org, Key: "logo", Value: "AAAA"}, flow.Conflict)
	must(t, alice, flow.SetOrgPref, flow.SetOrgPrefInput{OrgID: org, Key: "0", Value: "BBBB"})
}

func preferenceRights(t *testing.T, n *network) {
	owner, admin, member, outside := n.join(t, "owner"), n.join(t, "admin"), n.join(t, "member"), n.join(t, "outside")
	org := owner.founds(t, "Team", member)
	owner.admits(t, org, admin, flow.Admin)
	general := owner.opens(t, org, "general", member)
	owner.invites(t, general, admin, flow.Admin)
	writes := map[string]func(*person) error{
		"set preferences": func(p *person) error {
			_, err := flow.SetOrgPreferences.Call(t.Context(), p, flow.SetOrgPreferencesInput{OrgID: org, Preferences: json.RawMessage(`{"a":1}`)})
			return err
		},
		"set an opaque preference": func(p *person) error {
			_, err := flow.SetOrgPref.Call(t.Context(), p, flow.SetOrgPrefInput{OrgID: org, Key: "k", Value: "AAAA"})
			return err
		},
		"choose channels": func(p *person) error {
			_, err := flow.NewAutoAddToChannelsPref.Call(t.Context(), p,
				flow.NewAutoAddToChannelsPrefInput{OrgHashID: org, ChannelHashIDs: []flow.ChannelID{general}})
			return err
		},
	}
	for what, do := range writes {
		for p, code := range map[*person]flow.Code{owner: "", admin: "", member: flow.Denied, outside: flow.NotFound} {
			if err := do(p); flow.CodeOf(err) != code {
				t.Errorf("%s may %s: %v, want %q", p.name, what, err, code)
			}
		}
	}
	for _, p := range []*person{owner, admin, member} {
		must(t, p, flow.OrgPreferences, flow.OrgPreferencesInput{OrgID: org})
		must(t, p, flow.GetOrgPref, flow.GetOrgPrefInput{OrgID: org, Key: "k"})
	}
	for _, id := range []flow.OrgID{org, "NONE", ""} {
		refuse(t, outside, flow.OrgPreferences, flow.OrgPreferencesInput{OrgID: id}, flow.NotFound)
		refuse(t, outside, flow.GetOrgPref, flow.GetOrgPrefInput{OrgID: id, Key: "k"}, flow.NotFound)
	}
}

func preferencesAreChecked(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	org := alice.founds(t, "Team")
	alice.prefers(t, `{"kept":1}`)
	many := map[string]int{}
	for i := range flow.MaxPreferences {
		many[fmt.Sprint(i)] = i
	}
	full, err := json.Marshal(many)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		items string
		clear []string
		code  flow.Code
	}{
		{`[]`, nil, flow.Invalid},
		{`"theme"`, nil, flow.Invalid},
		{`{"":1}`, nil, flow.Invalid},
		{`{" a":1}`, nil, flow.Invalid},
		{`{"` + strings.Repeat("n", 201) + `":1}`, nil, flow.Invalid},
		{`{"long":"` + strings.Repeat("x", flow.MaxPreference) + `"}`, nil, flow.Invalid},
		{`{"kept":2}`, []string{"kept"}, flow.Invalid},
		{`{}`, make([]string, flow.MaxPreferences+1), flow.Invalid},
		{string(full), nil, flow.Conflict}, // with the one that is kept
		{strings.TrimSuffix(string(full), "}") + `,"more":1}`, []string{"kept"}, flow.Invalid},
	} {
		raw := json.RawMessage(c.items)
		refuse(t, alice, flow.SetAccountPreferences, flow.SetAccountPreferencesInput{Preferences: raw, ClearPreferences: c.clear}, c.code)
		if c.code == flow.Conflict {
			continue // the team has room
		}
		refuse(t, alice, flow.SetOrgPreferences, flow.SetOrgPreferencesInput{OrgID: org, Preferences: raw, ClearPreferences: c.clear}, c.code)
	}
	for _, item := range []string{flow.MuteAccounts, flow.MuteOrgs, flow.MuteChannels} {
		for _, value := range []string{`"NONE"`, `{}`, `[1]`, `true`} {
			refuse(t, alice, flow.SetAccountPreferences,
				flow.SetAccountPreferencesInput{Preferences: json.RawMessage(`{"` + item + `":` + value + `}`)}, flow.Invalid)
		}
	}
	sameJSON(t, "the preferences after refusals", `{"kept":1}`, raw(t, alice, "AccountPreferences", `{}`))
	alice.prefers(t, string(full), "kept")
}

func mutedByPreferences(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	loud, quiet := alice.founds(t, "Loud", bob), alice.founds(t, "Quiet", bob)
	general, random := alice.opens(t, loud, "general", bob), alice.opens(t, loud, "random", bob)
	library := alice.opens(t, quiet, "library", bob)
	muted := func(p *person, in flow.IsMutedByPreferencesInput) bool {
		return must(t, p, flow.IsMutedByPreferences, in)
	}
	everything := flow.IsMutedByPreferencesInput{OrgID: loud, ChannelID: general, SenderID: bob.id}
	if muted(alice, everything) || muted(alice, flow.IsMutedByPreferencesInput{}) {
		t.Errorf("a new account has muted something")
	}
	bob.prefers(t, fmt.Sprintf(`{"muteOrgs":[%q]}`, loud))
	if muted(alice, everything) {
		t.Errorf("bob has muted a team for alice")
	}
	alice.prefers(t, fmt.Sprintf(`{"muteOrgs":["NONE",%q],"muteChannels":[%q]}`, quiet, random))
	for _, c := range []struct {
		what string
		in   flow.IsMutedByPreferencesInput
		want bool
	}{
		{"nothing that is muted", everything, false},
		{"nothing at all", flow.IsMutedByPreferencesInput{}, false},
		{"a muted channel", flow.IsMutedByPreferencesInput{OrgID: loud, ChannelID: random, SenderID: bob.id}, true},
		{"a muted channel alone", flow.IsMutedByPreferencesInput{ChannelID: random}, true},
		{"a muted team", flow.IsMutedByPreferencesInput{OrgID: quiet, ChannelID: library, SenderID: bob.id}, true},
		{"a muted team alone", flow.IsMutedByPreferencesInput{OrgID: quiet}, true},
		{"a channel of a muted team", flow.IsMutedByPreferencesInput{ChannelID: library}, true},
		{"what is not there", flow.IsMutedByPreferencesInput{OrgID: "A", ChannelID: "B", SenderID: "C"}, false},
	} {
		if got := muted(alice, c.in); got != c.want {
			t.Errorf("%s is muted: %v, want %v", c.what, got, c.want)
		}
	}
	alice.prefers(t, fmt.Sprintf(`{"muteAccounts":[%q]}`, bob.id), flow.MuteOrgs)
	if !muted(alice, everything) || muted(alice, flow.IsMutedByPreferencesInput{OrgID: quiet, SenderID: alice.id}) {
		t.Errorf("after muting bob and no team alice has muted %v and %v",
			muted(alice, everything), muted(alice, flow.IsMutedByPreferencesInput{OrgID: quiet, SenderID: alice.id}))
	}
}

// preferencesOnce: what was undone stays undone when a call is repeated.
func preferencesOnce(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	key := fresh()
	set := flow.SetAccountPreferencesInput{Preferences: json.RawMessage(`{"a":1}`)}
	must(t, alice.Keyed(key), flow.SetAccountPreferences, set)
	alice.prefers(t, `{}`, "a")
	must(t, alice.Keyed(key), flow.SetAccountPreferences, set)
	if got := raw(t, alice, "AccountPreferences", `{}`); got != "{}" {
		t.Errorf("a repeated call made the preferences %s", got)
	}
	said := fresh()
	hello := flow.SetProfileInput{Content: `{"displayName":"A"}`}
	must(t, alice.Keyed(said), flow.SetProfile, hello)
	alice.says(t, `{"displayName":"B"}`)
	must(t, alice.Keyed(said), flow.SetProfile, hello)
	if got := alice.profileOf(t, alice); got != `{"displayName":"B"}` {
		t.Errorf("a repeated call made the profile %s", got)
	}
}
