package tools_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/tools"
)

// asking offers every tool and asks before those that destroy.
var asking = tools.Options{Toolsets: []string{tools.AllSet}, Consent: tools.Consent{Destructive: tools.AskOrRefuse}}

// askingAlways asks before all that writes, too.
func askingAlways() tools.Options {
	o := asking
	o.Consent.Writing = tools.AskOrRefuse
	return o
}

// person at the keyboard: what is asked, and how it is answered.
type keyboard struct {
	asked  []string
	answer func(context.Context) (*mcp.ElicitationResult, error)
}

func (k *keyboard) Elicit(ctx context.Context, r mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	k.asked = append(k.asked, r.Params.Message)
	return k.answer(ctx)
}

func says(action, content string) func(context.Context) (*mcp.ElicitationResult, error) {
	return func(context.Context) (*mcp.ElicitationResult, error) {
		var r mcp.ElicitationResult
		err := json.Unmarshal(fmt.Appendf(nil, `{"action":%q,"content":%s}`, action, content), &r)
		return &r, err
	}
}

// sits gives a person a client whose user answers questions.
func (p *person) sits(t testing.TB, k *keyboard) {
	t.Helper()
	_ = p.host.Close() // sessions are told apart by the time, which stands still in a bubble
	host, err := client.NewInProcessClientWithOptions(p.server, client.WithElicitationHandler(k))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = host.Close() })
	if err := host.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var shake mcp.InitializeRequest
	shake.Params.ProtocolVersion = mcp.LATEST_LEGACY_PROTOCOL_VERSION
	if _, err := host.Initialize(t.Context(), shake); err != nil {
		t.Fatal(err)
	}
	p.host = host
}

// exists reports whether the person sees a channel called plan.
func (p *person) exists(t *testing.T) bool {
	t.Helper()
	return strings.Contains(p.does(t, "flow_enumerate_channels", `{}`).text, "plan")
}

func TestConsentOfAClientThatShookHands(t *testing.T) {
	tests := map[string]struct {
		answer func(context.Context) (*mcp.ElicitationResult, error)
		want   string // of the refusal; nothing when it is done
	}{
		"yes":           {says("accept", `{"confirm":true}`), ""},
		"unconfirmed":   {says("accept", `{"confirm":false}`), "the person sent the form without confirming"},
		"other type":    {says("accept", `{"confirm":"true"}`), "the person sent the form without confirming"},
		"empty":         {says("accept", `null`), "the person sent the form without confirming"},
		"decline":       {says("decline", `{"confirm":true}`), "the person declined"},
		"cancel":        {says("cancel", `{"confirm":true}`), "the person closed the question"},
		"unknown":       {says("maybe", `{"confirm":true}`), "neither accept, decline nor cancel"},
		"broken client": {func(context.Context) (*mcp.ElicitationResult, error) { return nil, errors.New("window closed") }, "window closed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ana := newWorld(t).joins(t, "ana", asking)
			ana.does(t, "flow_new_channel", `{"name":"plan"}`)
			k := &keyboard{answer: test.answer}
			ana.sits(t, k)
			r := ana.use(t, "flow_delete_channel", `{"channel":"plan"}`)
			if len(k.asked) != 1 || !strings.Contains(k.asked[0], `channel: "Home/plan", 1 member`) || !strings.Contains(k.asked[0], ", 1 member\n") {
				t.Errorf("the person was asked %q", k.asked)
			}
			if r.failed != (test.want != "") || !strings.Contains(r.text, test.want) {
				t.Errorf("the answer was %q, want %q in it", r.text, test.want)
			}
			if r.failed && (r.code != string(flow.Denied) || !strings.HasPrefix(r.text, "Nothing was done.")) {
				t.Errorf("the refusal is %s: %q", r.code, r.text)
			}
			if ana.exists(t) != (test.want != "") {
				t.Errorf("the channel exists: %v", ana.exists(t))
			}
		})
	}
}

// A person who has gone to lunch keeps no call waiting for ever, and a call that was
// cancelled leaves no question behind.
func TestNobodyAnswers(t *testing.T) {
	never := func(ctx context.Context) (*mcp.ElicitationResult, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for name, patience := range map[string]time.Duration{"lunch": time.Hour, "cancelled": time.Minute} {
		inBubble(t, name, func(t *testing.T) {
			ana := begin(t, fixed{onePlan("plan")}, "ana", asking)
			ana.sits(t, &keyboard{answer: never})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var req mcp.CallToolRequest
			req.Params.Name, req.Params.Arguments = "flow_delete_channel", json.RawMessage(`{"channel":"plan"}`)
			result, err := ana.host.CallTool(ctx, req)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"lunch": "nobody answered the question within 5m0s", "cancelled": "The call was cancelled."}
			if said := result.Content[0].(mcp.TextContent).Text; !result.IsError || !strings.Contains(said, want[name]) {
				t.Errorf("the answer was %q", said)
			}
			if !ana.exists(t) {
				t.Error("the channel was deleted")
			}
		})
	}
}

// onePlan is a backend with one channel until that is deleted. Unlike the embedded
// store it lives in a bubble, where time passes at once.
func onePlan(name string) stub {
	const id = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	deleted := false
	return func(method string, _ json.RawMessage) (json.RawMessage, error) {
		switch method {
		case "EnumerateOrgs":
			return json.RawMessage(`[{"id":"` + id + `","name":"Home"}]`), nil
		case "EnumerateChannels":
			if deleted {
				return json.RawMessage(`[]`), nil
			}
			return json.RawMessage(`[{"id":"` + id + `","orgId":"` + id + `","name":` + quoteJSON(name) + `}]`), nil
		case "EnumerateChannelMembers", "EnumeratePeerAccounts":
			return json.RawMessage(`[]`), nil
		case "DeleteChannel":
			deleted = true
			return json.RawMessage("null"), nil
		}
		return json.RawMessage(`"` + id + `"`), nil
	}
}

func TestClientsThatCannotAsk(t *testing.T) {
	tests := map[string]struct {
		consent tools.Consent
		refused bool
	}{
		"not wanted":      {tools.Consent{}, false},
		"where possible":  {tools.Consent{Destructive: tools.AskIfPossible}, false},
		"wanted":          {tools.Consent{Destructive: tools.AskOrRefuse}, true},
		"wanted for all":  {tools.Consent{Writing: tools.AskOrRefuse}, true},
		"strongest holds": {tools.Consent{Destructive: tools.AskIfPossible, Writing: tools.AskOrRefuse}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.joins(t, "ana", tools.Options{}).does(t, "flow_new_channel", `{"name":"plan"}`)
			ana := w.joins(t, "ana", tools.Options{Toolsets: []string{tools.AllSet}, Consent: test.consent})
			r := ana.use(t, "flow_delete_channel", `{"channel":"plan"}`)
			if r.failed != test.refused || ana.exists(t) != test.refused {
				t.Errorf("the answer was %q, the channel exists: %v", r.text, ana.exists(t))
			}
			if test.refused && !strings.Contains(r.text, "this client cannot ask") {
				t.Errorf("the refusal is %q", r.text)
			}
		})
	}
}

// Nobody is asked about what would be refused in any case.
func TestNobodyIsAskedForNothing(t *testing.T) {
	w := newWorld(t)
	judged := askingAlways()
	judged.Consent.Judge = func(_ context.Context, _ flow.Caller, method string, params json.RawMessage) error {
		var in flow.SendMessageInput
		if err := json.Unmarshal(params, &in); err != nil || method != "SendMessage" || in.ChannelID == "" {
			t.Errorf("judged is %s(%s): %v", method, params, err)
		}
		if in.Text == "too much" {
			return flow.Errorf(flow.Denied, "there is no room for it")
		}
		return nil
	}
	ana := w.joins(t, "ana", judged)
	k := &keyboard{answer: says("accept", `{"confirm":true}`)}
	ana.sits(t, k)
	ana.cannot(t, "flow_send_message", `{"channel":"general","text":"too much"}`, "there is no room for it")
	if len(k.asked) != 0 {
		t.Errorf("a person was asked %q", k.asked)
	}
	ana.does(t, "flow_send_message", `{"channel":"general","text":"hello"}`)
	if len(k.asked) != 1 {
		t.Errorf("there were %d questions, want one", len(k.asked))
	}
}

// A yes is told to the rule that had asked, with what was heard when it did: what is read
// while a person thinks is none of what they agree to. A no is not told.
func TestYesIsRemembered(t *testing.T) {
	heard := uint64(1)
	var accepted []uint64
	o := tools.Options{Consent: tools.Consent{
		Foreign: tools.AskOrRefuse, Heard: func(flow.AnyOperation, flow.ChannelID) bool { return true },
		HeardUntil: func() uint64 { return heard }, Accepted: func(_ flow.ChannelID, until uint64) { accepted = append(accepted, until) },
	}}
	ana := newWorld(t).joins(t, "ana", o)
	k := &keyboard{answer: says("decline", "null")}
	ana.sits(t, k)
	ana.cannot(t, "flow_send_message", `{"channel":"general","text":"hi"}`, "declined")
	k.answer = func(ctx context.Context) (*mcp.ElicitationResult, error) {
		heard++
		return says("accept", yes)(ctx)
	}
	ana.does(t, "flow_send_message", `{"channel":"general","text":"hi"}`)
	if !strings.Contains(k.asked[0], "because words of other people elsewhere were read before") {
		t.Errorf("the person was asked %q", k.asked[0])
	}
	ana.does(t, "flow_new_channel", `{"name":"plan"}`)
	if len(k.asked) != 3 || !strings.Contains(k.asked[2], "because it changes something, and words of other people were read before") {
		t.Errorf("the person was asked %q", k.asked)
	}
	heard = 7
	send := `{"channel":"general","text":"again"}`
	state, _ := ana.modernCall(t, "flow_send_message", send, "")["requestState"].(string)
	heard = 8
	ana.modernCall(t, "flow_send_message", send, answered(state, "accept", yes))
	if diff := cmp.Diff([]uint64{1, 7}, accepted); diff != "" {
		t.Errorf("what the yes of a person was good for (-want +got):\n%s", diff)
	}
}

func TestStatusTellsOfConsent(t *testing.T) {
	w := newWorld(t)
	got := map[string]string{}
	for name, consent := range map[string]tools.Consent{
		"none":     {},
		"possible": {Destructive: tools.AskIfPossible},
		"wanted":   {Writing: tools.AskOrRefuse},
	} {
		got[name] = w.joins(t, "ana", tools.Options{Consent: consent}).does(t, "flow_status", `{}`).str("consent")
	}
	able := w.joins(t, "ana", asking)
	able.sits(t, &keyboard{})
	got["able"] = able.does(t, "flow_status", `{}`).str("consent")
	want := map[string]string{
		"none":     "a person is asked before no call",
		"possible": "a person would be asked before calls that destroy something, but this client cannot ask",
		"wanted":   "a person would have to be asked before every call that changes something; this client cannot ask, so that is refused",
		"able":     "a person is asked before calls that destroy something",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
