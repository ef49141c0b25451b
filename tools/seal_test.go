package tools_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/tools"
)

// modernCall calls a tool as a client of 2026-07-28 does. Further holds members of the
// parameters.
func (p *person) modernCall(t *testing.T, tool, args, further string) map[string]any {
	t.Helper()
	return p.call2026(t, tool, args, further+
		`,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{"form":{}}}}`)
}

// call2026 is modernCall for a client that says itself what it can.
func (p *person) call2026(t *testing.T, tool, args, further string) map[string]any {
	t.Helper()
	answer := p.server.HandleMessage(t.Context(), fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s%s}}`, tool, args, further))
	raw, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	var whole struct{ Result map[string]any }
	if err := json.Unmarshal(raw, &whole); err != nil || whole.Result == nil {
		t.Fatalf("the answer is %s: %v", raw, err)
	}
	return whole.Result
}

const deletePlan = `{"channel":"plan"}`

// askedModern begins a deletion and returns the sealed state.
func (p *person) askedModern(t *testing.T) string {
	t.Helper()
	r := p.modernCall(t, "flow_delete_channel", deletePlan, "")
	state, _ := r["requestState"].(string)
	if r["resultType"] != "input_required" || state == "" {
		t.Fatalf("the call was answered with %v", r)
	}
	return state
}

// answered is what a client of 2026-07-28 brings back.
func answered(state, action, content string) string {
	return fmt.Sprintf(`,"requestState":%q,"inputResponses":{"confirm":{"action":%q,"content":%s}}`, state, action, content)
}

const yes = `{"confirm":true}`

func textOf(result map[string]any) string { return fmt.Sprint(result["content"]) }

func TestConsentOfAModernClient(t *testing.T) {
	tests := map[string]struct{ action, content, want string }{
		"yes":         {"accept", yes, ""},
		"unconfirmed": {"accept", `{"confirm":false}`, "without confirming"},
		"decline":     {"decline", `{}`, "the person declined"},
		"cancel":      {"cancel", `{}`, "the person closed the question"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ana := newWorld(t).joins(t, "ana", asking)
			ana.does(t, "flow_new_channel", `{"name":"plan"}`)
			state := ana.askedModern(t)
			if !ana.exists(t) {
				t.Fatal("it was done before it was confirmed")
			}
			r := ana.modernCall(t, "flow_delete_channel", deletePlan, answered(state, test.action, test.content))
			if failed := r["isError"] == true; failed != (test.want != "") || !strings.Contains(textOf(r), test.want) {
				t.Errorf("the retry was answered with %v", r)
			}
			if ana.exists(t) != (test.want != "") {
				t.Errorf("the channel exists: %v", ana.exists(t))
			}
			again := ana.modernCall(t, "flow_delete_channel", deletePlan, answered(state, "accept", yes))
			if again["isError"] != true {
				t.Errorf("the answer was taken twice: %v", again)
			}
		})
	}
}

// A no holds though nobody would be asked any more, and a yes though for another reason.
func TestAnswersHoldWhenRulesDoNotApplyAnyMore(t *testing.T) {
	const two = `{"channel":"general","text":"two"}`
	first := tools.Options{Consent: tools.Consent{First: tools.AskOrRefuse}}
	for answer, want := range map[string]string{"decline": "the person declined", "accept": ""} {
		t.Run(answer, func(t *testing.T) {
			ana := newWorld(t).joins(t, "ana", first)
			state, _ := ana.modernCall(t, "flow_send_message", two, "")["requestState"].(string)
			ana.sits(t, &keyboard{answer: says("accept", yes)})
			ana.does(t, "flow_send_message", `{"channel":"general","text":"one"}`)
			r := ana.modernCall(t, "flow_send_message", two, answered(state, answer, yes))
			if failed := r["isError"] == true; failed != (want != "") || !strings.Contains(textOf(r), want) {
				t.Errorf("the retry was answered with %v", r)
			}
		})
	}
}

// What a client brings back holds for the call that was asked about, once, and in time.
func TestSealedStates(t *testing.T) {
	lab := func(t *testing.T) (*world, *person) {
		w := newWorld(t)
		ana := w.joins(t, "ana", asking)
		ana.does(t, "flow_new_channel", `{"name":"plan"}`)
		ana.does(t, "flow_new_channel", `{"name":"other"}`)
		return w, ana
	}
	refuses := func(t *testing.T, p *person, tool, args, further, want string) {
		t.Helper()
		r := p.modernCall(t, tool, args, further)
		if r["isError"] != true || !strings.Contains(textOf(r), want) {
			t.Errorf("%s %s was answered with %v, want %q in it", tool, args, r, want)
		}
		if !p.exists(t) {
			t.Error("the channel was deleted")
		}
	}
	t.Run("other arguments", func(t *testing.T) {
		_, ana := lab(t)
		refuses(t, ana, "flow_delete_channel", `{"channel":"other"}`, answered(ana.askedModern(t), "accept", yes), "belongs to no question")
	})
	t.Run("other tool", func(t *testing.T) {
		_, ana := lab(t)
		further := answered(ana.askedModern(t), "accept", yes)
		refuses(t, ana, "flow_new_channel_member_state", `{"channel":"plan","member":"@me","member_state":"b"}`, further, "belongs to no question")
	})
	t.Run("other server", func(t *testing.T) {
		w, ana := lab(t)
		refuses(t, w.joins(t, "ana", asking), "flow_delete_channel", deletePlan, answered(ana.askedModern(t), "accept", yes), "belongs to no question")
	})
	t.Run("other facts", func(t *testing.T) {
		w, ana := lab(t)
		state := ana.askedModern(t)
		w.joins(t, "ben", tools.Options{}).arrives(t)
		ana.does(t, "flow_channel_add_member", `{"channel":"plan","member":"@ben","member_state":"m"}`)
		refuses(t, ana, "flow_delete_channel", deletePlan, answered(state, "accept", yes), "belongs to no question")
	})
	t.Run("no state", func(t *testing.T) {
		_, ana := lab(t)
		r := ana.modernCall(t, "flow_delete_channel", deletePlan, `,"inputResponses":{"confirm":{"action":"accept","content":{"confirm":true}}}`)
		if r["resultType"] != "input_required" || !ana.exists(t) {
			t.Errorf("an answer without its question was taken: %v", r)
		}
	})
	t.Run("no answer", func(t *testing.T) {
		_, ana := lab(t)
		refuses(t, ana, "flow_delete_channel", deletePlan, fmt.Sprintf(`,"requestState":%q`, ana.askedModern(t)), "brought no answer")
	})
	t.Run("the same thing called otherwise", func(t *testing.T) {
		_, ana := lab(t)
		r := ana.modernCall(t, "flow_delete_channel", `{"channel":"#PLAN"}`, answered(ana.askedModern(t), "accept", yes))
		if r["isError"] == true || ana.exists(t) {
			t.Errorf("a yes to the same channel was refused: %v", r)
		}
	})
	inBubble(t, "too late", func(t *testing.T) {
		ana := begin(t, fixed{onePlan("plan")}, "ana", asking)
		state := ana.askedModern(t)
		time.Sleep(6 * time.Minute)
		refuses(t, ana, "flow_delete_channel", deletePlan, answered(state, "accept", yes), "the answer came too late")
	})
}

// FuzzSealedState tries states that were made from a true one.
func FuzzSealedState(f *testing.F) {
	f.Add("", 0, byte(0))
	f.Add("AAAA", 3, byte(1))
	f.Add("\n", 40, byte(0x20))
	ana := newWorld(f).joins(f, "ana", asking)
	ana.does(f, "flow_new_channel", `{"name":"plan"}`)
	f.Fuzz(func(t *testing.T, with string, at int, flip byte) {
		state := ana.askedModern(t)
		forged := []byte(state)
		at = max(at%len(forged), -(at % len(forged)))
		forged[at] ^= flip
		text := string(forged[:at]) + with + string(forged[at:])
		if text == state || text == "" {
			return
		}
		r := ana.modernCall(t, "flow_delete_channel", deletePlan, `,`+strings.TrimPrefix(answered("", "accept", yes), `,"requestState":"",`)+`,"requestState":`+quoteJSON(text))
		if r["isError"] != true || !ana.exists(t) {
			t.Fatalf("%q was taken for %q: %v", text, state, r)
		}
	})
}

func quoteJSON(text string) string {
	raw, _ := json.Marshal(text)
	return string(raw)
}
