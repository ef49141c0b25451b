package policy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/internal/folders"
	"github.com/flow-mcp/flow-mcp/internal/policy"
	"github.com/flow-mcp/flow-mcp/resources"
	"github.com/flow-mcp/flow-mcp/tools"
)

// desk is ana's server behind a gate that listens for words of others, and its host.
type desk struct {
	*lab
	gate   *policy.Gate
	host   *client.Client
	folder string
	saved  string               // where files are saved to
	before atomic.Pointer[hook] // something to happen in front of a call of the server
}

// hook is something that happens once.
type hook struct {
	method string
	do     func()
}

// Call implements [flow.Caller].
func (d *desk) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	if h := d.before.Load(); h != nil && h.method == method && d.before.CompareAndSwap(h, nil) {
		h.do()
	}
	return d.store.Call(ctx, method, params)
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{lab: newLab(t), folder: t.TempDir(), saved: t.TempDir()}
	d.gate = policy.New(&policy.Policy{Confirm: []policy.Rule{policy.ForeignWords}}, fixed{d}, nil)
	c := flow.NewClient(d.gate, flow.Setup{Username: "ana"})
	dir, srv := flow.NewDirectory(c), server.NewMCPServer("test", "1")
	places, err := folders.New(folders.Options{Send: []string{d.folder}, Save: []string{d.saved}})
	if err != nil {
		t.Fatal(err)
	}
	consent := tools.Consent{Destructive: tools.AskOrRefuse}
	if err := tools.Register(srv, c, dir, tools.Options{Toolsets: []string{tools.AllSet}, Consent: consent, Folders: places}); err != nil {
		t.Fatal(err)
	}
	resources.Register(srv, c, dir, resources.Options{})
	if d.host, err = client.NewInProcessClientWithOptions(srv, client.WithElicitationHandler(naysayer{})); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.host.Close() })
	if err := d.host.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var shake mcp.InitializeRequest
	shake.Params.ProtocolVersion = mcp.LATEST_LEGACY_PROTOCOL_VERSION
	if _, err := d.host.Initialize(t.Context(), shake); err != nil {
		t.Fatal(err)
	}
	return d
}

// naysayer is a person who declines.
type naysayer struct{}

func (naysayer) Elicit(context.Context, mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	return &mcp.ElicitationResult{ElicitationResponse: mcp.ElicitationResponse{Action: mcp.ElicitationResponseActionDecline}}, nil
}

// tries calls a tool and returns what the host got, whether it failed or not.
func (d *desk) tries(t *testing.T, tool, format string, args ...any) string {
	t.Helper()
	var req mcp.CallToolRequest
	req.Params.Name, req.Params.Arguments = tool, json.RawMessage(fmt.Sprintf(format, args...))
	result, err := d.host.CallTool(t.Context(), req)
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	raw, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// uses calls a tool, which must succeed.
func (d *desk) uses(t *testing.T, tool, format string, args ...any) string {
	t.Helper()
	got := d.tries(t, tool, format, args...)
	if strings.Contains(got, `"isError":true`) {
		t.Fatalf("%s failed: %s", tool, got)
	}
	return got
}

func (d *desk) reads(t *testing.T, format string, args ...any) string {
	t.Helper()
	var req mcp.ReadResourceRequest
	req.Params.URI = fmt.Sprintf(format, args...)
	result, err := d.host.ReadResource(t.Context(), req)
	if err != nil {
		t.Fatalf("%s: %v", req.Params.URI, err)
	}
	raw, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func (d *desk) lists(t *testing.T) string {
	t.Helper()
	result, err := d.host.ListResources(t.Context(), mcp.ListResourcesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// says has ben say something in the vault, which is not the channel that the tests write to.
func (d *desk) says(t *testing.T, text string) flow.MessageID {
	t.Helper()
	return do(t, d.ben, flow.SendMessage, flow.SendMessageInput{ChannelID: d.shut, Text: text})
}

// file writes a file that may be sent.
func (d *desk) write(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(d.folder, name)
	if err := os.WriteFile(path, []byte("own words"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What the server reads for itself, and does not hand to the host, is no reason to ask a
// person. In every case words of ben in the vault are among what it reads.
func TestWordsThatStayInTheServerDoNotCount(t *testing.T) {
	for name, use := range map[string]func(*testing.T, *desk) string{
		"wait in one channel": func(t *testing.T, d *desk) string {
			return d.uses(t, "flow_wait_for_messages", `{"channel":%q,"after":0,"timeout_seconds":0}`, d.open)
		},
		"wait that times out": func(t *testing.T, d *desk) string {
			d.uses(t, "flow_new_channel", `{"name":"mine"}`)
			return d.uses(t, "flow_wait_for_messages", `{"channel":"mine","after":0,"timeout_seconds":0}`)
		},
		"upload": func(t *testing.T, d *desk) string {
			d.before.Store(&hook{"SendMessage", func() { d.says(t, "meanwhile") }})
			return d.uses(t, "flow_send_message", `{"channel":%q,"text":"see","files":[%q]}`, d.open, d.write(t, "own.txt"))
		},
		"upload of what was sent before": func(t *testing.T, d *desk) string {
			send := fmt.Sprintf(`{"channel":%q,"text":"see","files":[%q],"idempotency_key":"k"}`, d.shut, d.write(t, "own.txt"))
			d.uses(t, "flow_send_message", "%s", send)
			d.says(t, "after it")
			return d.uses(t, "flow_send_message", "%s", send)
		},
		"download": func(t *testing.T, d *desk) string {
			path := d.write(t, "own.txt")
			file := do(t, d.ben, flow.NewAttachment, flow.NewAttachmentInput{OrgID: d.org, FilePath: path})
			do(t, d.ben, flow.SendMessage, flow.SendMessageInput{ChannelID: d.open, Text: "file", Attachments: []flow.AttachmentToSend{{ID: file}}})
			d.uses(t, "flow_enumerate_messages", `{"channel":%q}`, d.open)
			d.before.Store(&hook{"StartAttachmentDownload", func() { d.says(t, "meanwhile") }})
			return d.uses(t, "flow_get_attachment", `{"attachment":%q}`, file)
		},
		"catching up when nothing is unread": func(t *testing.T, d *desk) string {
			d.uses(t, "flow_set_channel_read_hwm", `{"channel":%q,"message":%q}`, d.shut, d.said)
			return d.uses(t, "flow_catch_up", `{}`)
		},
		"list of resources": func(t *testing.T, d *desk) string { return d.lists(t) },
		"inbox without a letter": func(t *testing.T, d *desk) string {
			return d.reads(t, "flow://inbox")
		},
		"short reference": func(t *testing.T, d *desk) string {
			return d.uses(t, "flow_set_channel_read_hwm", `{"channel":%q,"message":"[%s]"}`, d.shut, d.said.Ref())
		},
		"short reference of no message": func(t *testing.T, d *desk) string {
			var req mcp.ReadResourceRequest
			req.Params.URI = "flow://channels/vault/messages/aaaaaaaa"
			_, err := d.host.ReadResource(t.Context(), req)
			return fmt.Sprint(err)
		},
		"question to a person": func(t *testing.T, d *desk) string {
			return d.tries(t, "flow_mark_messages_deleted", `{"channel":%q,"messages":[%q]}`, d.shut, d.said)
		},
		"names": func(t *testing.T, d *desk) string {
			return d.uses(t, "flow_enumerate_peer_accounts", `{"channel":%q}`, d.shut)
		},
		"end of log": func(t *testing.T, d *desk) string { return d.reads(t, "flow://events") },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			got := use(t, d)
			if strings.Contains(got, secret) || strings.Contains(got, "meanwhile") || strings.Contains(got, "after it") {
				t.Fatalf("the host got words: %s", got)
			}
			if d.before.Load() != nil {
				t.Fatal("the server has not made the call that words were to come before")
			}
			if d.gate.HeardBefore(flow.SendMessage, d.open) {
				t.Errorf("a person would be asked, though the host got %s", got)
			}
		})
	}
}

// Whatever way words of others take to the host, they count for every other channel.
func TestWordsThatReachTheHostCount(t *testing.T) {
	for name, use := range map[string]func(*testing.T, *desk) string{
		"messages":      func(t *testing.T, d *desk) string { return d.uses(t, "flow_enumerate_messages", `{"channel":"vault"}`) },
		"search":        func(t *testing.T, d *desk) string { return d.uses(t, "flow_search", `{"search":"plum"}`) },
		"wait anywhere": func(t *testing.T, d *desk) string { return d.uses(t, "flow_wait_for_messages", `{"after":0}`) },
		"wait in the channel": func(t *testing.T, d *desk) string {
			return d.uses(t, "flow_wait_for_messages", `{"channel":"vault","after":0}`)
		},
		"catching up": func(t *testing.T, d *desk) string { return d.uses(t, "flow_catch_up", `{}`) },
		"event tool": func(t *testing.T, d *desk) string {
			return d.uses(t, "flow_enumerate_events", `{"after":0,"limit":500}`)
		},
		"state": func(t *testing.T, d *desk) string { return d.uses(t, "flow_current_state", `{"stage":1}`) },
		"query": func(t *testing.T, d *desk) string {
			return d.uses(t, "flow_graphql", `{"query":"{channel(id:\"%s\"){messages{nodes{text}}}}"}`, d.shut)
		},
		"get a file": func(t *testing.T, d *desk) string {
			return d.uses(t, "flow_get_attachment", `{"attachment":%q}`, d.file)
		},
		"save a file": func(t *testing.T, d *desk) string {
			d.uses(t, "flow_save_attachment", `{"attachment":%q,"folder":%q}`, d.file, d.saved)
			content, err := os.ReadFile(filepath.Join(d.saved, "plum.txt"))
			if err != nil {
				t.Fatal(err)
			}
			return string(content)
		},
		"file as a resource": func(t *testing.T, d *desk) string {
			d.reads(t, "flow://attachments/%s", d.file)
			return secret // in base64
		},
		"channel as a resource": func(t *testing.T, d *desk) string { return d.reads(t, "flow://channels/vault") },
		"page of a channel":     func(t *testing.T, d *desk) string { return d.reads(t, "flow://channels/vault/messages?limit=1") },
		"message as a resource": func(t *testing.T, d *desk) string {
			return d.reads(t, "flow://channels/vault/messages/%s", d.said.Ref())
		},
		"log as a resource": func(t *testing.T, d *desk) string { return d.reads(t, "flow://events?after=0") },
		"letter in the inbox": func(t *testing.T, d *desk) string {
			d.says(t, "@ana "+secret)
			return d.reads(t, "flow://inbox")
		},
		"profile": func(t *testing.T, d *desk) string {
			do(t, d.ben, flow.SetProfile, flow.SetProfileInput{Item: "notes", Content: secret})
			return d.uses(t, "flow_get_user_profile", `{"account":"@ben","item":"notes"}`)
		},
		"profiles": func(t *testing.T, d *desk) string {
			do(t, d.ben, flow.SetProfile, flow.SetProfileInput{Item: "notes", Content: secret})
			return d.uses(t, "flow_enumerate_profiles", `{"item":"notes"}`)
		},
		"preferences of a team": func(t *testing.T, d *desk) string {
			do(t, d.ana, flow.SetOrgPreferences, flow.SetOrgPreferencesInput{OrgID: d.org, Preferences: json.RawMessage(`{"note":"` + secret + `"}`)})
			return d.uses(t, "flow_org_preferences", `{}`)
		},
		"preference of a team": func(t *testing.T, d *desk) string {
			do(t, d.ana, flow.SetOrgPref, flow.SetOrgPrefInput{OrgID: d.org, Key: "note", Value: "b2JleQ=="})
			if got := d.uses(t, "flow_get_org_pref", `{"key":"note"}`); !strings.Contains(got, "b2JleQ") {
				return got
			}
			return secret // in base64
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			if d.gate.HeardBefore(flow.SendMessage, d.open) {
				t.Fatal("something was heard before anything was read")
			}
			if got := use(t, d); !strings.Contains(got, secret) {
				t.Fatalf("the host did not get the words: %s", got)
			}
			if !d.gate.HeardBefore(flow.SendMessage, d.open) {
				t.Error("nobody would be asked before a message to another channel")
			}
			for _, op := range []flow.AnyOperation{flow.ChannelAddMember, flow.OrgAddMember, flow.NewChannel, flow.ChangeUsername, flow.SetProfile, flow.DeleteChannel} {
				if !d.gate.HeardBefore(op, "") {
					t.Errorf("nobody would be asked before %s", op.Info().Name)
				}
			}
		})
	}
}

// What was read of one channel is no reason to ask about a message to that one, but about
// what widens who sees it.
func TestWordsOfTheChannelItself(t *testing.T) {
	d := newDesk(t)
	d.uses(t, "flow_enumerate_messages", `{"channel":%q}`, d.open)
	for op, want := range map[flow.AnyOperation]bool{
		flow.SendMessage: false, flow.SetChannelReadHWM: false, flow.NewDirectConversation: false,
		flow.NewAttachment: false, flow.ChannelAddMember: true, flow.SetChannelRetentionPolicy: true,
	} {
		if got := d.gate.HeardBefore(op, d.open); got != want {
			t.Errorf("before %s a person is asked: %v, want %v", op.Info().Name, got, want)
		}
	}
}

// oracle answers every call with a result that is full of words.
type oracle struct{ flow.Caller }

// Call implements [flow.Caller].
func (o oracle) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	op, ok := flow.Lookup(method)
	if !ok || op.Info().Effect == flow.Protocol {
		return o.Caller.Call(ctx, method, params)
	}
	_, out := op.Types()
	v := reflect.New(out)
	inspire(v.Elem())
	return json.Marshal(v.Interface())
}

func inspire(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("words")
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		inspire(v.Elem())
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			v.SetBytes([]byte(`"words"`))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		inspire(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		inspire(key)
		if value.Type() == reflect.TypeFor[json.RawMessage]() {
			value.SetBytes([]byte("null")) // a name may be all that is said
		} else {
			inspire(value)
		}
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				inspire(v.Field(i))
			}
		}
	}
}

// wordless are the operations whose results hold nothing that anybody else has said, but
// for names. A new operation counts, until somebody has looked at it.
var wordless = strings.Fields(`
	CreateAccount CreateDevice ConfirmEmail EnumerateLocalAccounts AccountId Identifier DeviceId GetDevices SetDeviceName
	SetDeviceAuthorized ChangeUsername ChangePassword SetAccountLock NewAttachment CancelAttachmentUpload CancelAttachmentDownload
	UpdateAttachmentPath EnumeratePendingAttachmentTransfers DescribeAttachment NewChannel EnumerateChannels GetChannel NewDirectConversation
	SetChannelRetentionPolicy DeleteChannel GetUnreadCount SetChannelReadHWM GetChannelReadHWM CreateEscrowAccount
	FetchDeletedMessages KeyRingFingerprint VerificationHash PeerVerificationHash VerifyPeerKeyRing ClaimDomain CreateDMAccount
	SetupLDAPAccount LDAPBindResponse LinkLDAPAccount CreateLDAPDevice LinkToLDAP LDAPed FetchLDAPPublicKey UntrustLDAPPublicKey
	EnumerateOrgMembers EnumerateOrgMemberHistory OrgAddMember SetOrgMemberState EnumerateChannelMembers
	EnumerateChannelMemberHistory ChannelAddMember NewChannelMemberState SendMessage SendMessageWithNotification
	MarkMessagesDeleted GetPeer GetPeerFromID EnumeratePeerAccounts PeerData PaymentStatus GetOrgTypes GetOrgData
	GetOrganizationBillingURL GetOrgAdminDashboardURL SetOrgPreferences SetOrgPref NewAutoAddToChannelsPref AutoAddToChannelsPref
	SetAccountPreferences IsMutedByPreferences SetProfile StartD2DRendezvous ProvisionNewDevice
	CreateDeviceFromD2D CancelRendezvous StartSearch PollSearch DestroySearch Ping BuildNumber NewOrg EnumerateOrgs
	NewOrgJoinRequest EnumerateOrgJoinRequests`)

func TestEveryResultCountsUnlessItHoldsNoWords(t *testing.T) {
	l := newLab(t)
	known := map[string]bool{}
	for _, name := range wordless {
		known[name] = true
	}
	for _, op := range flow.Catalogue() {
		if op.Info().Effect == flow.Protocol {
			continue
		}
		gate := policy.New(&policy.Policy{Confirm: []policy.Rule{policy.ForeignWords}}, fixed{oracle{l.store}}, nil)
		c := flow.NewClient(gate, flow.Setup{Username: "ana"})
		if _, err := c.Call(t.Context(), op.Info().Name, json.RawMessage("{}")); err != nil {
			t.Errorf("%s: %v", op.Info().Name, err)
		}
		if heard, want := gate.HeardBefore(flow.SendMessage, l.open), !known[op.Info().Name]; heard != want {
			t.Errorf("the result of %s counts as words of others: %v, want %v", op.Info().Name, heard, want)
		}
	}
}

// A notification of a form that nobody knows may say anything.
func TestUnknownNotificationsCount(t *testing.T) {
	l := newLab(t)
	for _, said := range []string{`{"type":"poem","data":"words"}`, `{"type":"message","data":"words"}`} {
		answer := stubbed{l.store, "EnumerateEvents", `{"events":[` + said + `],"next":1,"more":false}`}
		gate := policy.New(&policy.Policy{Confirm: []policy.Rule{policy.ForeignWords}}, fixed{answer}, nil)
		do(t, flow.NewClient(gate, flow.Setup{Username: "ana"}), flow.EnumerateEvents, flow.EnumerateEventsInput{})
		if !gate.HeardBefore(flow.SendMessage, l.open) {
			t.Errorf("%s does not count", said)
		}
	}
}

// stubbed answers one method with a fixed result.
type stubbed struct {
	flow.Caller
	method, result string
}

// Call implements [flow.Caller].
func (s stubbed) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	if method == s.method {
		return json.RawMessage(s.result), nil
	}
	return s.Caller.Call(ctx, method, params)
}
