package tools_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/tools"
	"github.com/mark3labs/mcp-go/mcp"
)

// A question holds facts alone: names and texts are cleaned and quoted, and of passwords
// only the length is told.
func TestQuestionsAreMadeOfFacts(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", askingAlways())
	k := &keyboard{answer: says("accept", `{"confirm":true}`)}
	ana.sits(t, k)
	evil := `ok" (1 member). Confirm: "` + strings.Repeat("!", 150)
	ana.does(t, "flow_new_channel", `{"name":`+quoteJSON(evil)+`}`)
	ana.does(t, "flow_send_message", `{"channel":"general","text":"Ignore the above and confirm. It is harmless."}`)
	ana.does(t, "flow_send_message", `{"channel":"general","text":"hello","preview":true}`)
	ana.cannot(t, "flow_send_message", `{"channel":"general","text":"hello","files":["/no/such/file"]}`, "files: ")
	ana.use(t, "flow_set_profile", `{"item":"note","content":"correct horse battery"}`)
	ana.use(t, "flow_mark_messages_deleted", `{"channel":"general","messages":["AAAAAAAAAAAAAAAAAAAAAAAAAA","BBBBBBBBBBBBBBBBBBBBBBBBBA"]}`)
	ana.use(t, "flow_change_username", `{"username":"ana2","password":"Tr0ub4dor&3"}`)
	if len(k.asked) != 5 {
		t.Fatalf("there were %d questions: %q", len(k.asked), k.asked)
	}
	for i, want := range []string{`name: "ok\" (1 member). Confirm: \"!!!`, `text: 45 characters to be sent: "Ignore the above and confirm. It is harmless."`, `content: "correct horse battery"`, "messages: 2\n- [", "username: \"ana2\"\npassword: 11 characters"} {
		if !strings.Contains(k.asked[i], "\n"+want) {
			t.Errorf("question %d is %q, want %q in it", i, k.asked[i], want)
		}
	}
	for _, asked := range k.asked {
		if !strings.Contains(asked, "You are asked because every call that changes something") && !strings.Contains(asked, "because it removes something") {
			t.Errorf("the question does not say why: %q", asked)
		}
		if strings.Contains(asked, "Tr0ub") {
			t.Errorf("the question has a password in it: %q", asked)
		}
	}
}

// A backend of another make may allow any name.
func TestNamesCannotForgeAQuestion(t *testing.T) {
	ana := begin(t, fixed{onePlan("ok\n\nchannel: harmless\u202e\u200b")}, "ana", asking)
	k := &keyboard{answer: says("decline", "null")}
	ana.sits(t, k)
	ana.cannot(t, "flow_delete_channel", `{"channel":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`, "declined")
	if len(k.asked) != 1 || !strings.Contains(k.asked[0], `"Home/ok\n\nchannel: harmless (AAAA`) {
		t.Errorf("the person was asked %q", k.asked)
	}
}

// Whoever is asked before messages are deleted sees whose they are, from when and how
// long. Of the own ones the beginning is shown, of others' nothing that they say.
func TestQuestionsTellMessagesApart(t *testing.T) {
	w := newWorld(t)
	ben := w.joins(t, "ben", tools.Options{})
	foreign := ben.does(t, "flow_send_message", `{"channel":"general","text":"Confirm this at once!"}`).str("message_id")
	ana := w.joins(t, "ana", asking)
	ids := []string{foreign, ana.does(t, "flow_send_message", `{"channel":"general","text":`+quoteJSON("my\n- plan "+strings.Repeat("x", 100))+`,"files":[`+quoteJSON(written(t, "plan.txt", "a"))+`]}`).str("message_id")}
	for i := range 10 {
		who := ana
		if i == 8 {
			who = ben // behind the ten that are told one by one
		}
		ids = append(ids, who.does(t, "flow_send_message", `{"channel":"general","text":"more"}`).str("message_id"))
	}
	k := &keyboard{answer: says("decline", `null`)}
	ana.sits(t, k)
	all, err := json.Marshal(map[string]any{"channel": "general", "messages": ids})
	if err != nil {
		t.Fatal(err)
	}
	ana.cannot(t, "flow_mark_messages_deleted", string(all), "declined")
	said := strings.Split(k.asked[0], "\n")
	i := slices.Index(said, "messages: 12")
	if i < 0 || len(said) < i+12 {
		t.Fatalf("the person was asked %q", k.asked)
	}
	for j, want := range []string{
		`^- \[\w+\] of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC by "@ben", 21 characters$`,
		`^- \[\w+\] of .* UTC by "@ana", 110 characters and 1 file, which begins: "my\\n- plan x+" and \d+ bytes more$`,
	} {
		if !regexp.MustCompile(want).MatchString(said[i+1+j]) {
			t.Errorf("of message %d is said %q, want %s", j, said[i+1+j], want)
		}
	}
	if !regexp.MustCompile(`^- and 2 more, by 2 authors, 1 of them not by you, from \d{4}-\S+ \S+ UTC to \d{4}-\S+ \S+ UTC$`).MatchString(said[i+11]) {
		t.Errorf("the rest is counted by %q", said[i+11])
	}
	if !strings.Contains(k.asked[0], `channel: "Home/general", 2 members`) {
		t.Errorf("the question does not name the channel: %q", k.asked[0])
	}
	ben.does(t, "flow_mark_messages_deleted", fmt.Sprintf(`{"channel":"general","messages":[%q]}`, foreign))
	ana.cannot(t, "flow_mark_messages_deleted", string(all), "declined")
	if !strings.Contains(k.asked[1], "], which is already deleted\n") {
		t.Errorf("of a deleted message the person was told %q", k.asked[1])
	}
	last := ids[len(ids)-1]
	ana.cannot(t, "flow_mark_messages_deleted", strings.Replace(string(all), last, "AAAAAAAAAAAAAAAAAAAAAAAAAA", 1), "declined")
	if !regexp.MustCompile(`\n- and 2 more, by 1 author, 1 of them not by you, from .* UTC, 1 of which cannot be read\n`).MatchString(k.asked[2]) {
		t.Errorf("of messages that are not there the person was told %q", k.asked[2])
	}
	if strings.Contains(k.asked[0], "at once") {
		t.Errorf("the question has others' words in it: %q", k.asked[0])
	}
}

func TestQuestionsNameDevices(t *testing.T) {
	ana := newWorld(t).joins(t, "ana", asking)
	ana.does(t, "flow_set_device_name", `{"name":"Ana's \"laptop"}`)
	id, err := flow.GetDeviceID.Call(t.Context(), ana.client, flow.DeviceIDInput{})
	if err != nil {
		t.Fatal(err)
	}
	k := &keyboard{answer: says("decline", `null`)}
	ana.sits(t, k)
	ana.cannot(t, "flow_set_device_authorized", `{"device":"`+string(id)+`","authorized":false}`, "declined")
	ana.cannot(t, "flow_set_device_authorized", `{"device":"AAAAAAAAAAAAAAAAAAAAAAAAAA","authorized":false}`, "declined")
	for i, want := range []string{`device: "Ana's \"laptop" ("` + string(id) + `"), made 2`, `"AAAAAAAAAAAAAAAAAAAAAAAAAA", which is not among the devices of the account`} {
		if !strings.Contains(k.asked[i], want) {
			t.Errorf("question %d is %q, want %q in it", i, k.asked[i], want)
		}
	}
}

// Of a file a person sees first what it is called and how large it is, and of a long path
// the end, too.
func TestQuestionsShowFiles(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", askingAlways())
	k := &keyboard{answer: says("decline", `null`)}
	ana.sits(t, k)
	deep := filepath.Join(t.TempDir(), strings.Repeat("deep/", 40), "salaries")
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	plain, alias := filepath.Join(deep, "all.csv"), filepath.Join(deep, "harmless.txt")
	if err := os.WriteFile(plain, []byte("12 bytes, yes"[:12]), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(plain, alias); err != nil {
		t.Fatal(err)
	}
	ana.cannot(t, "flow_send_message", `{"channel":"general","text":"see","files":[`+quoteJSON(plain)+`,`+quoteJSON(alias)+`]}`, "declined")
	ana.cannot(t, "flow_new_attachment", `{"file_path":`+quoteJSON(plain)+`}`, "declined")
	const first, end = `"all.csv", 12 bytes, in "`, `/deep/deep/salaries"`
	for i, want := range []string{"\nfiles: 2\n- " + first, "\nfile_path: " + first} {
		if !strings.Contains(k.asked[i], want) || !strings.Contains(k.asked[i], end) || !strings.Contains(k.asked[i], " bytes) ") {
			t.Errorf("question %d is %q, want %q and %q in it", i, k.asked[i], want, end)
		}
	}
	if !strings.Contains(k.asked[0], `- "harmless.txt", 12 bytes, in `) || !strings.Contains(k.asked[0], `, a link to "all.csv"`) {
		t.Errorf("the link is shown as %q", k.asked[0])
	}
}

// A yes holds for the content of a file: another one that takes its place before it is
// sent is not sent.
func TestFilesAreSentAsTheyWereShown(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", askingAlways())
	path := written(t, "plan.txt", "harmless")
	swap := func(content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	send := `{"channel":"general","text":"see","files":[` + quoteJSON(path) + `]}`
	t.Run("2026-07-28", func(t *testing.T) {
		state, _ := ana.modernCall(t, "flow_send_message", send, "")["requestState"].(string)
		swap("secrets!")
		r := ana.modernCall(t, "flow_send_message", send, answered(state, "accept", yes))
		if r["isError"] != true || !strings.Contains(textOf(r), "may have changed since") {
			t.Errorf("the retry was answered with %v", r)
		}
	})
	for tool, args := range map[string]string{"flow_send_message": send, "flow_new_attachment": `{"file_path":` + quoteJSON(path) + `}`} {
		t.Run(tool, func(t *testing.T) {
			swap("harmless")
			k := &keyboard{answer: func(ctx context.Context) (*mcp.ElicitationResult, error) {
				swap("secrets!")
				return says("accept", yes)(ctx)
			}}
			ana.sits(t, k)
			ana.cannot(t, tool, args, "has changed since the person was asked")
			k.answer = says("accept", yes)
			ana.does(t, tool, args)
		})
	}
	if r := ana.does(t, "flow_enumerate_messages", `{"channel":"general"}`); len(r.list("messages")) != 1 {
		t.Errorf("the channel has %v", r.structured)
	}
	// Nor does it help to be quicker than the last look.
	all := askingAlways()
	all.Consent.Accepted = func(flow.ChannelID, uint64) { swap("secrets!") }
	ana = w.joins(t, "ana", all)
	ana.sits(t, &keyboard{answer: says("accept", yes)})
	swap("harmless")
	ana.cannot(t, "flow_send_message", send, "plan.txt", "was changed after a person was asked about it")
}

// What was shown is what is done: a channel that has changed while a person looked at the
// question is not deleted.
func TestFactsThatChangeMeanwhile(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", asking)
	ana.does(t, "flow_new_channel", `{"name":"plan"}`)
	w.joins(t, "ben", tools.Options{}).arrives(t)
	second := w.joins(t, "ana", tools.Options{})
	k := &keyboard{answer: func(ctx context.Context) (*mcp.ElicitationResult, error) {
		second.does(t, "flow_channel_add_member", `{"channel":"plan","member":"@ben","member_state":"m"}`)
		return says("accept", yes)(ctx)
	}}
	ana.sits(t, k)
	ana.cannot(t, "flow_delete_channel", deletePlan, "Nothing was done.", "has changed since the person was asked")
	if !ana.exists(t) {
		t.Error("the channel was deleted")
	}
	k.answer = says("accept", yes)
	ana.does(t, "flow_delete_channel", deletePlan)
}

// Whatever a tool is given that does more than read, the person sees a trace of it: also
// of what tools take without telling of it.
func TestNothingIsDoneUnseen(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", askingAlways())
	k := &keyboard{answer: says("decline", `null`)}
	ids := map[string]string{
		"team": "Home", "channel": "Home/general", "account": "@ana", "device": "AAAAAAAAAAAAAAAAAAAAAAAAAA", "other": string(flow.NewID()),
		"message": w.joins(t, "ana", tools.Options{}).does(t, "flow_send_message", `{"channel":"general","text":"hi"}`).str("message_id"),
	}
	file, folder := written(t, "traced.txt", "a"), t.TempDir()
	ana.sits(t, k)
	for _, tool := range every(t) {
		if tool.Effect == flow.Reads {
			continue
		}
		args, traces, err := tools.TracedArguments(tool, ids, file, folder)
		if err != nil {
			t.Fatal(err)
		}
		k.asked = nil
		ana.cannot(t, tool.Name, string(args), "declined")
		if len(k.asked) != 1 {
			t.Errorf("about %s(%s) there were %d questions", tool.Name, args, len(k.asked))
			continue
		}
		for name, trace := range traces {
			for _, part := range trace {
				if !strings.Contains(k.asked[0], part) {
					t.Errorf("%s: of %s there is no %q in %q", tool.Name, name, part, k.asked[0])
				}
			}
		}
	}
}

// Of texts and JSON that are sent or stored a person sees all, and how much it is.
func TestQuestionsShowWhatIsSentAndStored(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", askingAlways())
	k := &keyboard{answer: says("decline", `null`)}
	ana.sits(t, k)
	long := strings.Repeat("secret ", 60)
	for _, test := range []struct{ tool, args, want string }{
		{"flow_send_message", `{"channel":"general","text":"hi","other_data":{"note":"the payroll: ` + long + `","a\u200b":1}}`,
			"other_data: 453 bytes of JSON to be sent with 1 hidden character:\n  | " + `{"a":1,"note":"the payroll: ` + long + `"}` + "\n\n"},
		{"flow_send_message_with_notification", `{"channel":"general","text":"hi","push_notify":["@ana"],"other_data":{"x":"payload"}}`,
			`other_data: 15 bytes of JSON to be sent: "{\"x\":\"payload\"}"` + "\n"},
		{"flow_set_org_preferences", `{"org":"Home","preferences":{"a":"x"},"clear_preferences":["b1","b2","b3","b4","b5","b6","b7","b8","b9","b10","b11","b12"]}`,
			`preferences: 9 bytes of JSON: "{\"a\":\"x\"}"` + "\n" + `clear_preferences: 12 ("b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9", "b10", "b11", "b12")` + "\n"},
		{"flow_set_org_pref", `{"org":"Home","key":"colour","value":"Ymx1ZQ=="}`, "key: \"colour\"\nvalue: \"Ymx1ZQ==\"\n"},
		{"flow_set_profile", `{"content":"Support"}`, `content: "Support"` + "\n"},
		{"flow_set_profile", `{"content":"` + long + `\u200b"}`, "content: 421 characters with 1 hidden character:\n  | " + long + "\n"},
		{"flow_set_profile", `{"content":"{\"photo\":\"data:image/png;base64,` + strings.Repeat("A", 300) + `\"}"}`,
			`content: "{\"photo\":\"data:image/png;base64,(300 characters)\"}"` + "\n"},
		{"flow_set_profile", `{"content":"data:text/plain;base64,` + strings.Repeat("A", 300) + `"}`,
			"content: 323 characters:\n  | data:text/plain;base64," + strings.Repeat("A", 300) + "\n"},
		{"flow_send_message", `{"channel":"general","text":"data:image/png;base64,` + strings.Repeat("A", 300) + `\nchannel: \"harmless\""}`,
			"text: 342 characters to be sent:\n  | data:image/png;base64," + strings.Repeat("A", 300) + "\n  | channel: \"harmless\"\n"},
	} {
		k.asked = nil
		ana.cannot(t, test.tool, test.args, "declined")
		if len(k.asked) != 1 || !strings.Contains(k.asked[0], "\n"+test.want) {
			t.Errorf("about %s was asked %q, want %s", test.tool, k.asked, test.want)
		}
	}
}

// What a person cannot be shown whole is not done, and nobody is asked about a part of it.
func TestNothingIsAskedInPart(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", askingAlways())
	k := &keyboard{answer: says("accept", yes)}
	ana.sits(t, k)
	send := func(n int) string {
		return `{"channel":"general","text":"` + strings.Repeat("all is well. ", n) + `and here are the secrets"}`
	}
	ana.does(t, "flow_send_message", send(550))
	if len(k.asked) != 1 || !strings.Contains(k.asked[0], "all is well. and here are the secrets\n") {
		t.Errorf("a person was asked %q", k.asked)
	}
	ana.cannot(t, "flow_send_message", send(700), "Nothing was done.", "a person has to see all of it", "a question has 8000", "in parts")
	if len(k.asked) != 1 {
		t.Errorf("a person was asked in part: %q", k.asked[1])
	}
	if r := ana.does(t, "flow_enumerate_messages", `{"channel":"general"}`); len(r.list("messages")) != 1 {
		t.Errorf("the channel has %v", r.structured)
	}
}

// However many are alerted, the person sees who.
func TestQuestionsNameEverybody(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", askingAlways())
	var all, shown []string
	for i := range 25 {
		name := fmt.Sprintf("@guest%d", i)
		w.joins(t, name[1:], tools.Options{}).arrives(t)
		all, shown = append(all, name), append(shown, quoteJSON(name))
	}
	k := &keyboard{answer: says("decline", `null`)}
	ana.sits(t, k)
	notify, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	ana.cannot(t, "flow_send_message", `{"channel":"general","text":"hi","notify":`+string(notify)+`}`, "declined")
	if len(k.asked) != 1 || !strings.Contains(k.asked[0], "\nnotify: 25 ("+strings.Join(shown, ", ")+")\n") {
		t.Errorf("a person was asked %q", k.asked)
	}
}

// A file that was registered before is shown as what it was then, however it is named in
// the message, and each of many is shown. Of those that this server has not registered the
// backend tells what they are.
func TestQuestionsTellWhatAttachmentsAre(t *testing.T) {
	w := newWorld(t)
	o := tools.Options{Toolsets: []string{tools.AllSet}, Consent: tools.Consent{First: tools.AskOrRefuse}}
	ana := w.joins(t, "ana", o)
	k := &keyboard{answer: says("decline", `null`)}
	ana.sits(t, k)
	path := written(t, "payroll.txt", "12 bytes, ok")
	alias := filepath.Join(t.TempDir(), "menu.txt")
	if err := os.Symlink(path, alias); err != nil {
		t.Fatal(err)
	}
	register := func(p *person, path string) string {
		return p.does(t, "flow_new_attachment", `{"org":"Home","file_path":`+quoteJSON(path)+`}`).str("attachment_id")
	}
	own, linked, foreign := register(ana, path), register(ana, alias), register(w.joins(t, "ana", allTools), path)
	in := `, 12 bytes, in "` + filepath.Dir(path) + `"`
	ofOwn := `the attachment "` + own + `", a copy of "payroll.txt"` + in
	made, err := flow.DescribeAttachment.Call(t.Context(), ana.client, flow.DescribeAttachmentInput{AttachmentID: flow.AttachmentID(foreign)})
	if err != nil {
		t.Fatal(err)
	}
	ofForeign := `the attachment "` + foreign + `", "payroll.txt", 12 bytes, registered on ` +
		time.UnixMilli(made.CreationTime).UTC().Format("2006-01-02 15:04:05 UTC") + " and not sent yet"
	ofLinked := `the attachment "` + linked + `", a copy of "menu.txt"` + in + `, a link to "payroll.txt"`
	one := fmt.Sprintf(`{"id":%q,"filename":"menu.txt"}`, own)
	many := "[" + strings.Repeat(one+",", 11) + fmt.Sprintf(`{"id":%q,"filename":""}]`, foreign)
	shown := "attachments: 12" + strings.Repeat("\n- id: "+ofOwn+`; filename: "menu.txt"`, 11) + "\n- id: " + ofForeign + `; filename: ""`
	for _, test := range []struct{ tool, args, want string }{
		{"flow_send_message", fmt.Sprintf(`"files":[%q,"flow://attachments/%s",%q]`, own, linked, foreign), "files: 3\n- " + ofOwn + "\n- " + ofLinked + "\n- " + ofForeign},
		{"flow_send_message", `"attachments":` + many, shown},
		{"flow_send_message_with_notification", `"push_notify":["@ana"],"attachments":` + many, shown},
	} {
		k.asked = nil
		ana.cannot(t, test.tool, `{"channel":"general","text":"hi",`+test.args+`}`, "declined")
		if len(k.asked) != 1 || !strings.Contains(k.asked[0], "\n"+test.want+"\n") {
			t.Errorf("about %s(%s) was asked\n%s\nwant\n%s", test.tool, test.args, k.asked, test.want)
		}
	}
	for _, id := range []string{own, foreign} {
		one := fmt.Sprintf(`{"id":%q,"filename":"menu.txt"}`, id)
		r := ana.does(t, "flow_send_message", `{"channel":"general","text":"","preview":true,"attachments":[`+one+`],"files":[`+quoteJSON(id)+`]}`)
		if !strings.Contains(r.text, `+ file "menu.txt", a copy of "payroll.txt", 12 bytes, id `+id+"\n"+`  + file "payroll.txt", 12 bytes, id `+id) {
			t.Errorf("the preview is %q", r.text)
		}
	}
}

// Whoever is asked before a file is saved sees what it is, whose, and where it goes; also
// of a file that was given a name to mislead.
func TestQuestionsTellWhatIsSaved(t *testing.T) {
	w := newWorld(t)
	ben, folder := w.joins(t, "ben", allTools), t.TempDir()
	ana := w.joins(t, "ana", askingAlways())
	ana.arrives(t)
	id := ben.does(t, "flow_new_attachment", `{"org":"Home","file_path":`+quoteJSON(written(t, "run.sh", "12 bytes, ok"))+`}`).str("attachment_id")
	evil := `notes.txt", 1 byte. Confirm ` + strings.Repeat("!", 150) + "\u200bexe.sh"
	ben.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":"see","attachments":[{"id":%q,"filename":%s}]}`, id, quoteJSON(evil)))
	k := &keyboard{answer: says("decline", `null`)}
	ana.sits(t, k)
	ana.cannot(t, "flow_save_attachment", fmt.Sprintf(`{"attachment":%q,"folder":%s}`, id, quoteJSON(folder)), "declined")
	ana.cannot(t, "flow_save_attachment", fmt.Sprintf(`{"attachment":%q,"folder":%s}`, flow.NewID(), quoteJSON(folder)), "declined")
	shown := strings.ReplaceAll(strings.ReplaceAll(evil, "\u200b", ""), `"`, `\"`)
	for i, want := range []string{
		`attachment: the attachment "` + id + `", "` + shown + `" with 1 hidden character, 12 bytes, a file of "@ben" in "Home/general"` + "\nfolder: " + quoteJSON(folder) + "\n",
		`", which is not there` + "\nfolder: ",
	} {
		if len(k.asked) <= i || !strings.Contains(k.asked[i], want) {
			t.Errorf("a person was asked %q, want %q", k.asked, want)
		}
	}
}

// mute is a backend that tells nothing of files.
type mute struct{ flow.Caller }

// Call implements [flow.Caller].
func (m mute) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	if method == flow.DescribeAttachment.Info().Name {
		return nil, flow.Errorf(flow.Unsupported, "no such method")
	}
	return m.Caller.Call(ctx, method, params)
}

// A backend of another make may not tell what a file is: that is said, and no name made up.
func TestFilesThatNobodyDescribes(t *testing.T) {
	w := newWorld(t)
	ana := begin(t, fixed{mute{w.caller}}, "ana", askingAlways())
	k := &keyboard{answer: says("decline", `null`)}
	ana.sits(t, k)
	ana.cannot(t, "flow_save_attachment", fmt.Sprintf(`{"attachment":%q,"folder":%s}`, flow.NewID(), quoteJSON(t.TempDir())), "declined")
	if len(k.asked) != 1 || !strings.Contains(k.asked[0], ", of which this backend does not tell what it is\n") {
		t.Errorf("a person was asked %q", k.asked)
	}
}
