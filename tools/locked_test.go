package tools_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/tools"
)

// TestKeptOut: who is locked out, or whose device was revoked, is told so in words, by
// every tool and by flow_status, and goes on when that is over.
func TestKeptOut(t *testing.T) {
	w := newWorld(t)
	root, ben := w.joins(t, "root", allTools), w.joins(t, "ben", allTools)
	root.arrives(t) // the first account owns the team of the machine
	ben.does(t, "flow_send_message", `{"channel":"general","text":"hi"}`)
	locks := func(kind int) {
		root.does(t, "flow_set_account_lock", fmt.Sprintf(`{"username":"ben","lock_type":%d}`, kind))
	}

	locks(1)
	ben.cannot(t, "flow_send_message", `{"channel":"general","text":"hi"}`, "this account is locked", "unlock")
	ben.cannot(t, "flow_enumerate_orgs", `{}`, "this account is locked")
	if r := ben.does(t, "flow_status", `{}`); !strings.Contains(r.text, "this account is locked") {
		t.Errorf("flow_status does not say that the account is locked: %s", r.text)
	}
	// It is told so as well when it starts anew.
	w.joins(t, "ben", allTools).cannot(t, "flow_enumerate_orgs", `{}`, "this account is locked")

	locks(2)
	ben.cannot(t, "flow_send_message", `{"channel":"general","text":"hi"}`, "flow_change_username", "belongs to a directory")
	ben.does(t, "flow_change_username", `{"username":"benjamin"}`)
	ben.does(t, "flow_send_message", `{"channel":"general","text":"out of it"}`)

	device := ben.does(t, "flow_device_id", `{}`).str("device_id")
	// Without a password nobody may revoke the last device.
	if _, err := flow.ChangePassword.Call(t.Context(), ben.client, flow.ChangePasswordInput{NewPassword: "correct horse battery staple"}); err != nil {
		t.Fatal(err)
	}
	ben.does(t, "flow_set_device_authorized", fmt.Sprintf(`{"device":%q,"authorized":false}`, device))
	ben.cannot(t, "flow_send_message", `{"channel":"general","text":"hi"}`, "this device was revoked")
}

// TestKeepingOutIsAskedFor: what keeps a device or a person out, or replaces what others
// see, is not done where a person has to agree first and cannot.
func TestKeepingOutIsAskedFor(t *testing.T) {
	o := allTools
	o.Consent = tools.Consent{Destructive: tools.AskOrRefuse}
	root := newWorld(t).joins(t, "root", o)
	device := root.does(t, "flow_device_id", `{}`).str("device_id")
	for tool, args := range map[string]string{
		"flow_set_device_authorized": fmt.Sprintf(`{"device":%q,"authorized":false}`, device),
		"flow_set_account_lock":      `{"username":"root","lock_type":1}`,
		"flow_set_org_pref":          `{"org":"Home","key":"k","value":"v"}`,
		"flow_set_profile":           `{"content":"{}"}`,
	} {
		if r := root.use(t, tool, args); !r.failed || r.code != string(flow.Denied) {
			t.Errorf("%s is done without asking: %+v", tool, r)
		}
	}
	root.does(t, "flow_enumerate_channels", `{}`)
}
