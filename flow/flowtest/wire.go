package flowtest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

var wire = []scenario{
	{"has empty lists, never null", listsAreNeverNull},
	{"has null for nothing", nothingIsNull},
	{"takes parameters as programs send them", parametersAreLenient},
	{"refuses what it cannot read", parametersAreChecked},
}

// listsAreNeverNull calls every operation that returns a list where there is nothing.
func listsAreNeverNull(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	org := alice.founds(t, "Team")
	general := alice.opens(t, org, "general")
	// What cannot be empty is not here.
	empty := map[string]string{
		"EnumerateOrgs":            `{}`,
		"EnumerateOrgJoinRequests": fmt.Sprintf(`{"OrgID":%q}`, org),
		"EnumerateChannels":        fmt.Sprintf(`{"OrgID":%q}`, alice.founds(t, "Other")),
		"EnumerateMessages":        fmt.Sprintf(`{"OrgID":%q,"ChannelID":%q,"Filters":null}`, org, general),
		"Search":                   fmt.Sprintf(`{"OrgID":null,"ChannelID":%q,"Search":"x"}`, general),
		"SearchMessageResults":     fmt.Sprintf(`{"Id":1,"OrgId":%q,"ChannelId":%q,"Start":0,"Stop":10}`, org, general),
		"EnumerateLocalAccounts":   `{}`,

		"EnumerateIntegrationProfiles":        `{}`,
		"EnumeratePendingAttachmentTransfers": `{}`,

		"FetchDeletedMessages":     fmt.Sprintf(`{"OrgID":%q}`, org),
		"EnumerateDeletedMessages": fmt.Sprintf(`{"ChannelID":%q}`, general),
	}
	alice.starts(t, "1", "q", "x")
	loner := n.register(t, "loner")
	vault, _ := n.escrowAccount(t)
	alice.admits(t, org, vault, flow.Member)
	nowhere := n.process(t, "elsewhere")
	for method, params := range empty {
		var who flow.Caller = alice
		switch method {
		case "EnumerateOrgs":
			who = loner
		case "EnumerateLocalAccounts":
			who = nowhere
		case "FetchDeletedMessages", "EnumerateDeletedMessages":
			who = vault
		}
		if got := raw(t, who, method, params); got != "[]" {
			t.Errorf("%s of nothing returns %s, want []", method, got)
		}
	}
	full := []string{ // with the account, its device or the creation in them
		"GetDevices", "EnumeratePeerAccounts", "EnumerateOrgMembers", "EnumerateOrgMemberHistory",
		"EnumerateChannelMembers", "EnumerateChannelMemberHistory", "EnumerateProfiles", "GetOrgTypes",
	}
	known := map[string]bool{
		"WaitForNotification":   true, // blocks until there is something
		"AutoAddToChannelsPref": true, // of at least one channel
		"SearchMessageContext":  true, // has the hit in it
	}
	for _, method := range full {
		known[method] = true
		got := parsed(t, raw(t, alice, method, fmt.Sprintf(`{"OrgID":%q,"ChannelID":%q}`, org, general)))
		if list, ok := got.([]any); !ok || len(list) == 0 {
			t.Errorf("%s returns %v, want a list with something in it", method, got)
		}
	}
	for _, op := range flow.Catalogue() {
		_, out := op.Types()
		name := op.Info().Name
		if _, tried := empty[name]; out.Kind() == reflect.Slice && !tried && !known[name] {
			t.Errorf("no scenario says whether the list of %s can be null", name)
		}
	}
}

func nothingIsNull(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	if got := raw(t, alice, "Ping", "{}"); got != "null" {
		t.Errorf("Ping returns %s, want null", got)
	}
	if got := raw(t, alice, "StartUp", `{"Username":"alice"}`); got != "null" {
		t.Errorf("StartUp returns %s, want null", got)
	}
}

func parametersAreLenient(t *testing.T, n *network) {
	s := open(t, n.process(t, ""))
	raw(t, s, "CreateAccount", `{"PhoneNumber":"","DeviceName":"dev-1","Username":"bot","ServerURI":"flow.spideroak.com",`+
		`"Platform":"linux","OSRelease":"6.1","Password":"`+password+`","TotpVerifier":"1","EmailConfirmCode":null,"NotifyToken":""}`)
	raw(t, s, "StartUp", `{"Username":"bot","ServerURI":"flow.spideroak.com"}`)
	bot := started(t, s, "bot")
	org := bot.founds(t, "Team")
	general := bot.opens(t, org, "general")
	for i, params := range []string{
		`{"OrgID":%q,"ChannelID":%q,"Text":"hi","OtherData":null,"Attachments":null}`,
		`{"OrgID":%q,"ChannelID":%q,"Text":"hi","OtherData":{},"Attachments":[]}`,
		`{"OrgId":%q,"channelid":%q,"TEXT":"hi","Unheard":{"of":1}}`,
	} {
		raw(t, bot, "SendMessage", fmt.Sprintf(params, org, general))
		if got := bot.texts(t, general, flow.MessageFilters{}); len(got) != i+1 {
			t.Errorf("after %s the channel holds %q", params, got)
		}
	}
}

func parametersAreChecked(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	for method, params := range map[string]string{
		"SendMessage":       `{"ChannelID":5,"Text":"hi"}`,
		"NewOrg":            `{"Name":["Team"]}`,
		"AccountId":         `{"SessionID":"one"}`,
		"Search":            `[]`,
		"EnumerateChannels": `"x"`,
	} {
		_, err := alice.Caller.Call(t.Context(), method, json.RawMessage(params))
		if err == nil {
			t.Errorf("%s(%s) was done", method, params)
			continue
		}
		refusal(t, method+params, err, flow.Invalid)
	}
	_, err := alice.Call(t.Context(), "MakeCoffee", json.RawMessage("{}"))
	if err == nil {
		t.Fatalf("an unknown method was done")
	}
	if text := refusal(t, "MakeCoffee", err, flow.Unsupported); text != "unknown method MakeCoffee" {
		t.Errorf("an unknown method is refused with %q", text)
	}
}
