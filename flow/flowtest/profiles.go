package flowtest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var profiles = []scenario{
	{"are made of the user name at first", profilesAtFirst},
	{"come back as they were stored", profilesAreKept},
	{"are listed for all who share a team", profilesAreListed},
	{"are announced once to all who share a team", profilesAreAnnounced},
	{"stay when something else is no profile", profilesAreChecked},
	{"of integrations there are none", integrationProfiles},
}

// says stores the item profile.
func (p *person) says(t *testing.T, content string) {
	t.Helper()
	must(t, p, flow.SetProfile, flow.SetProfileInput{Item: flow.ProfileItem, Content: content})
}

// profileOf reads the item profile of somebody.
func (p *person) profileOf(t *testing.T, who *person) string {
	t.Helper()
	return must(t, p, flow.GetUserProfile, flow.GetUserProfileInput{AccountID: who.id, Item: flow.ProfileItem})
}

// unsaid is the item profile of somebody who has stored none.
func unsaid(t *testing.T, name string) string {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"displayName": name, "biography": nil, "photo": nil})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// sameJSON checks that two texts hold the same value.
func sameJSON(t *testing.T, what, want, got string) {
	t.Helper()
	if diff := cmp.Diff(parsed(t, want), parsed(t, got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func profilesAtFirst(t *testing.T, n *network) {
	alice, bob := n.join(t, `alice "al" <3 🦊`), n.join(t, "bob")
	sameJSON(t, "a profile that was never stored", unsaid(t, alice.name), bob.profileOf(t, alice))
	named := must(t, bob, flow.GetUserProfile, flow.GetUserProfileInput{AccountID: alice.id})
	sameJSON(t, "the item that is meant when none is named", unsaid(t, alice.name), named)
	other := must(t, bob, flow.GetUserProfile, flow.GetUserProfileInput{AccountID: alice.id, Item: "pronouns"})
	if other != "" {
		t.Errorf("another item that was never stored is %q, want nothing", other)
	}
}

func profilesAreKept(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	photo := "data:image/png;base64," + strings.Repeat("iVBORw0KGgo/", 40_000)
	for _, content := range []string{
		`{"displayName": "Alice Liddell", "biography": "מחשבת 🎩", "photo": "` + photo + `"}`,
		`{"photo":"data:image/png;base64,b'AAAA'","displayName":"Alice","biography":null,"extra":[1]}`,
		`{}`,
	} {
		alice.says(t, content)
		for _, p := range []*person{alice, bob, n.returns(t, "alice")} {
			if got := p.profileOf(t, alice); got != content {
				t.Errorf("the profile as %s reads it is not what was stored: %s", p.name, brief(got))
			}
		}
	}
	must(t, alice, flow.SetProfile, flow.SetProfileInput{Item: "status", Content: "<at tea & not JSON>"})
	if got := must(t, bob, flow.GetUserProfile, flow.GetUserProfileInput{AccountID: alice.id, Item: "status"}); got != "<at tea & not JSON>" {
		t.Errorf("another item is %q", got)
	}
	if got := alice.profileOf(t, alice); got != "{}" {
		t.Errorf("storing another item made the profile %s", got)
	}
	alice.says(t, "")
	sameJSON(t, "a removed profile", unsaid(t, "alice"), bob.profileOf(t, alice))
	if got := must(t, bob, flow.GetUserProfile, flow.GetUserProfileInput{AccountID: alice.id, Item: "status"}); got == "" {
		t.Errorf("removing one item removed the other")
	}
}

func profilesAreListed(t *testing.T, n *network) {
	dave, alice, bob := n.join(t, "dave"), n.join(t, "alice"), n.join(t, "bob")
	stranger := n.join(t, "stranger")
	stranger.says(t, `{"displayName":"Nobody"}`)
	alice.founds(t, "One", bob)
	alice.founds(t, "Two", bob, dave)
	bob.says(t, `{"displayName":"Bob"}`)
	list := func(item string) (listed []string) {
		for _, p := range must(t, alice, flow.EnumerateProfiles, flow.EnumerateProfilesInput{Item: item}) {
			var content flow.ProfileContent
			if err := json.Unmarshal([]byte(p.Content), &content); err != nil || content.DisplayName == nil {
				t.Fatalf("the profile of %s is %s", p.AccountID, p.Content)
			}
			listed = append(listed, fmt.Sprint(p.Item, " ", *content.DisplayName, " ", p.AccountID == dave.id))
		}
		return listed
	}
	for _, item := range []string{"", "profile"} {
		want := []string{"profile alice false", "profile Bob false", "profile dave true"}
		if diff := cmp.Diff(want, list(item)); diff != "" {
			t.Errorf("the profiles by user name, item %q (-want +got):\n%s", item, diff)
		}
	}
	if got := raw(t, alice, "EnumerateProfiles", `{"Item":"card"}`); got != "[]" {
		t.Errorf("an item that nobody has stored is listed as %s", got)
	}
	must(t, dave, flow.SetProfile, flow.SetProfileInput{Item: "card", Content: `{"displayName":"Dave's"}`})
	if diff := cmp.Diff([]string{"card Dave's true"}, list("card")); diff != "" {
		t.Errorf("an item that one has stored (-want +got):\n%s", diff)
	}
}

func profilesAreAnnounced(t *testing.T, n *network) {
	alice, bob, stranger := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "stranger")
	alice.founds(t, "One", bob)
	bob.founds(t, "Two", alice)
	everybody := []*person{alice, n.returns(t, "alice"), bob, stranger}
	for _, p := range everybody {
		p.news(t)
	}
	alice.says(t, `{"displayName":"Alice"}`)
	alice.says(t, `{"displayName":"Alice"}`) // is so already
	must(t, alice, flow.SetProfile, flow.SetProfileInput{Item: "status", Content: `"away"`})
	alice.says(t, "")
	for _, p := range everybody {
		var want, got []string
		if p != stranger {
			want = []string{`profile {"displayName":"Alice"}`, `status "away"`, "profile " + unsaid(t, "alice")}
		}
		for _, told := range announced(t, p, flow.ProfileEvent) {
			if told.AccountID != alice.id {
				t.Errorf("%s was told of the profile of %s, want of alice's", p.name, told.AccountID)
			}
			content, err := json.Marshal(parsed(t, told.Content)) // in the order of unsaid
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, told.Item+" "+string(content))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the profiles that %s was told of (-want +got):\n%s", p.name, diff)
		}
	}
}

func profilesAreChecked(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	alice.says(t, `{"displayName":"Alice"}`)
	for _, content := range []string{
		"Alice", "null", "[]", `"Alice"`, `{"displayName":5}`, `{"photo":["data:"]}`, `{"displayName":"A`,
		`{"displayName":"` + strings.Repeat("A", flow.MaxProfile) + `"}`,
	} {
		refuse(t, alice, flow.SetProfile, flow.SetProfileInput{Content: content}, flow.Invalid)
	}
	refuse(t, alice, flow.SetProfile, flow.SetProfileInput{Item: "notes", Content: strings.Repeat("A", flow.MaxProfile+1)}, flow.Invalid)
	for _, item := range []string{" profile", "a\nb", strings.Repeat("i", 201)} {
		refuse(t, alice, flow.SetProfile, flow.SetProfileInput{Item: item, Content: "x"}, flow.Invalid)
		refuse(t, bob, flow.GetUserProfile, flow.GetUserProfileInput{AccountID: alice.id, Item: item}, flow.Invalid)
		refuse(t, bob, flow.EnumerateProfiles, flow.EnumerateProfilesInput{Item: item}, flow.Invalid)
	}
	for _, id := range []flow.AccountID{"", "NONE"} {
		refuse(t, bob, flow.GetUserProfile, flow.GetUserProfileInput{AccountID: id}, flow.NotFound, flow.Invalid)
	}
	if got := bob.profileOf(t, alice); got != `{"displayName":"Alice"}` {
		t.Errorf("after refusals the profile is %s", got)
	}
	for i := range flow.MaxProfileItems - 1 {
		must(t, alice, flow.SetProfile, flow.SetProfileInput{Item: fmt.Sprint("item ", i), Content: "x"})
	}
	refuse(t, alice, flow.SetProfile, flow.SetProfileInput{Item: "one more", Content: "x"}, flow.Conflict)
	must(t, alice, flow.SetProfile, flow.SetProfileInput{Item: "item 0", Content: ""})
	must(t, alice, flow.SetProfile, flow.SetProfileInput{Item: "one more", Content: strings.Repeat("x", flow.MaxProfile)})
}

func integrationProfiles(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	alice.founds(t, "Team")
	if got := raw(t, alice, "EnumerateIntegrationProfiles", `{}`); got != "[]" {
		t.Errorf("the integrations are %s", got)
	}
}
