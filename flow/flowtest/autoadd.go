package flowtest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var autoAdds = []scenario{
	{"brings new members into channels", autoAddToChannels},
	{"brings nobody back", autoAddNobodyBack},
	{"ends for channels where the signer may not add members", autoAddBySigners},
	{"is signed", autoAddIsSigned},
	{"is built by who may add members", autoAddIsBuilt},
}

// chooses builds the value that adds new members to channels.
func (p *person) chooses(t *testing.T, org flow.OrgID, channels ...flow.ChannelID) string {
	t.Helper()
	return must(t, p, flow.NewAutoAddToChannelsPref, flow.NewAutoAddToChannelsPrefInput{OrgHashID: org, ChannelHashIDs: channels})
}

// enacts sets the value.
func (p *person) enacts(ctx context.Context, org flow.OrgID, value string) error {
	items, err := json.Marshal(map[string]string{flow.AutoAddToChannels: value})
	if err != nil {
		return err
	}
	_, err = flow.SetOrgPreferences.Call(ctx, p, flow.SetOrgPreferencesInput{OrgID: org, Preferences: items})
	return err
}

// names returns what the channels of a team are called that somebody is in.
func (p *person) names(t *testing.T, org flow.OrgID) []string {
	t.Helper()
	names := []string{}
	for _, ch := range must(t, p, flow.EnumerateChannels, flow.EnumerateChannelsInput{OrgID: org}) {
		names = append(names, ch.Name)
	}
	return names
}

func autoAddToChannels(t *testing.T, n *network) {
	alice, bob, carol, dave := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "carol"), n.join(t, "dave")
	org := alice.founds(t, "Team", carol)
	general, random := alice.opens(t, org, "general"), alice.opens(t, org, "random")
	alice.opens(t, org, "private")
	value := alice.chooses(t, org, general, random, general)
	if raw, err := base64.URLEncoding.DecodeString(value); err != nil || !json.Valid(raw) {
		t.Errorf("the value %s is no JSON in URL-safe base64: %v", value, err)
	}
	if diff := cmp.Diff([]flow.ChannelID{general, random}, must(t, bob, flow.AutoAddToChannelsPref, flow.AutoAddToChannelsPrefInput{Data: value})); diff != "" {
		t.Errorf("the channels in the value (-want +got):\n%s", diff)
	}
	alice.admits(t, org, dave, flow.Member) // before it is set it does nothing
	if err := alice.enacts(t.Context(), org, value); err != nil {
		t.Fatal(err)
	}
	bob.news(t)
	alice.news(t)
	alice.admits(t, org, bob, flow.Member)
	want := []string{
		"org", "org-member-event",
		"channel-member-event", "channel", "channel-session-key-share", "message of channels",
		"channel-member-event", "channel", "channel-session-key-share", "message of channels",
	}
	if diff := cmp.Diff(want, types(t, bob.news(t))); diff != "" {
		t.Errorf("what bob was told (-want +got):\n%s", diff)
	}
	want = []string{"org-member-event",
		"channel-member-event", "channel-session-key-share", "channel-member-event", "channel-session-key-share"}
	if diff := cmp.Diff(want, types(t, alice.news(t))); diff != "" {
		t.Errorf("what alice was told (-want +got):\n%s", diff)
	}
	if got := channelStates(t, alice, general)[bob.id]; got != flow.Member {
		t.Errorf("bob's state in the channel is %q", got)
	}
	for p, want := range map[*person][]string{bob: {"general", "random"}, carol: {}, dave: {}} {
		if diff := cmp.Diff(want, p.names(t, org)); diff != "" {
			t.Errorf("the channels of %s (-want +got):\n%s", p.name, diff)
		}
	}
	must(t, alice, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{OrgID: org, MemberAccountID: dave.id, MemberState: flow.Admin})
	if got := dave.names(t, org); len(got) != 0 {
		t.Errorf("a change of state added dave to %q", got)
	}
	must(t, alice, flow.SetOrgPreferences, flow.SetOrgPreferencesInput{OrgID: org, ClearPreferences: []string{flow.AutoAddToChannels}})
	erin := n.join(t, "erin")
	alice.admits(t, org, erin, flow.Member)
	if got := erin.names(t, org); len(got) != 0 {
		t.Errorf("a cleared preference added erin to %q", got)
	}
}

// autoAddNobodyBack: who has been in a channel and is out stays out.
func autoAddNobodyBack(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	general, random := alice.opens(t, org, "general", bob), alice.opens(t, org, "random")
	if err := alice.enacts(t.Context(), org, alice.chooses(t, org, general, random)); err != nil {
		t.Fatal(err)
	}
	must(t, alice, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{OrgID: org, MemberAccountID: bob.id, MemberState: flow.Banned})
	alice.admits(t, org, bob, flow.Member)
	if diff := cmp.Diff([]string{"random"}, bob.names(t, org)); diff != "" {
		t.Errorf("the channels of who was readmitted (-want +got):\n%s", diff)
	}
}

func autoAddBySigners(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team")
	alice.admits(t, org, bob, flow.Admin)
	general, random := alice.opens(t, org, "general"), alice.opens(t, org, "random")
	gone := bob.opens(t, org, "gone")
	alice.invites(t, general, bob, flow.Admin)
	alice.invites(t, random, bob, flow.Admin)
	value := bob.chooses(t, org, general, random, gone)
	if err := alice.enacts(t.Context(), org, value); err != nil { // another admin may set it
		t.Fatal(err)
	}
	must(t, bob, flow.DeleteChannel, flow.DeleteChannelInput{ChannelID: gone})
	must(t, alice, flow.NewChannelMemberState, becomes(random, bob, flow.Member))
	carol := n.join(t, "carol")
	alice.admits(t, org, carol, flow.Member)
	if diff := cmp.Diff([]string{"general"}, carol.names(t, org)); diff != "" {
		t.Errorf("the channels that bob may still add to (-want +got):\n%s", diff)
	}
	must(t, alice, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{OrgID: org, MemberAccountID: bob.id, MemberState: flow.Banned})
	dave := n.join(t, "dave")
	alice.admits(t, org, dave, flow.Member)
	if got := dave.names(t, org); len(got) != 0 {
		t.Errorf("after bob was banned dave was added to %q", got)
	}
}

func autoAddIsSigned(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	org, other := alice.founds(t, "Team"), alice.founds(t, "Other")
	general, secret := alice.opens(t, org, "general"), alice.opens(t, org, "secret")
	value := alice.chooses(t, org, general)
	plain, err := base64.URLEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	forged := base64.URLEncoding.EncodeToString([]byte(strings.Replace(string(plain), string(general), string(secret), 1)))
	for _, wrong := range []string{"", "x", "e30=", forged, value[:len(value)-8], strings.Repeat("AAAA", 1<<16)} {
		refuse(t, alice, flow.AutoAddToChannelsPref, flow.AutoAddToChannelsPrefInput{Data: wrong}, flow.Invalid)
		refusal(t, "SetOrgPreferences("+brief(wrong)+")", alice.enacts(t.Context(), org, wrong), flow.Invalid)
	}
	refusal(t, "a value of another team", alice.enacts(t.Context(), other, value), flow.Invalid)
	refuse(t, alice, flow.SetOrgPreferences, flow.SetOrgPreferencesInput{OrgID: org, Preferences: json.RawMessage(`{"autoAddToChannels":5}`)}, flow.Invalid)

	// What was signed before a device was lost remains in force, and is not taken again.
	if err := alice.enacts(t.Context(), org, value); err != nil {
		t.Fatal(err)
	}
	phone := must(t, open(t, n.process(t, "elsewhere")), flow.CreateDevice, flow.CreateDeviceInput{Username: "alice", Password: password})
	must(t, alice, flow.SetDeviceAuthorized, flow.SetDeviceAuthorizedInput{DeviceID: phone.ID})
	refusal(t, "a value of an old key ring", alice.enacts(t.Context(), org, value), flow.Conflict)
	bob := n.join(t, "bob")
	alice.admits(t, org, bob, flow.Member)
	if diff := cmp.Diff([]string{"general"}, bob.names(t, org)); diff != "" {
		t.Errorf("the channels of a new member (-want +got):\n%s", diff)
	}
	if err := alice.enacts(t.Context(), org, alice.chooses(t, org, secret)); err != nil {
		t.Errorf("a value of the new key ring is refused: %v", err)
	}
}

func autoAddIsBuilt(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org, other := alice.founds(t, "Team"), alice.founds(t, "Other")
	alice.admits(t, org, bob, flow.Admin)
	general, elsewhere := alice.opens(t, org, "general", bob), alice.opens(t, other, "elsewhere")
	direct := alice.talksTo(t, org, bob)
	private := bob.opens(t, org, "private")
	for _, c := range []struct {
		what     string
		who      *person
		channels []flow.ChannelID
		code     flow.Code
	}{
		{"no channel", alice, nil, flow.Invalid},
		{"too many", alice, make([]flow.ChannelID, flow.MaxAutoAddChannels+1), flow.Invalid},
		{"a channel that is not there", alice, []flow.ChannelID{general, "NONE"}, flow.NotFound},
		{"a channel of others", alice, []flow.ChannelID{private}, flow.NotFound},
		{"a channel of another team", alice, []flow.ChannelID{elsewhere}, flow.Invalid},
		{"a direct conversation", alice, []flow.ChannelID{direct}, flow.Invalid},
		{"a channel in which one is a member", bob, []flow.ChannelID{private, general}, flow.Denied},
	} {
		t.Run(c.what, func(t *testing.T) {
			refuse(t, c.who, flow.NewAutoAddToChannelsPref, flow.NewAutoAddToChannelsPrefInput{OrgHashID: org, ChannelHashIDs: c.channels}, c.code)
		})
	}
}
