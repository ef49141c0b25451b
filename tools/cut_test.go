package tools_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/tools"
)

// cutNote is what a result says of a message that it shows cut.
var cutNote = regexp.MustCompile(`(?m)^Cut: \[([a-z2-7]{8})\]; whole with (?:(flow_enumerate_messages) channel=(\S+), )?message=([a-z2-7]{8})\.$`)

// TestCutMessagesSayHowToReadThemWhole, in every tool that shows messages beside others,
// and it is true.
func TestCutMessagesSayHowToReadThemWhole(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.joins(t, "ana", tools.Options{}), w.joins(t, "ben", tools.Options{})
	long := "needle " + strings.Repeat("long ", 5000) + "end"
	for _, text := range []string{"needle one", long, "needle two"} {
		ben.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":%q}`, text))
	}
	for tool, args := range map[string]string{
		"flow_enumerate_messages": `{"channel":"general"}`,
		"flow_search":             `{"search":"needle"}`,
		"flow_catch_up":           `{}`,
	} {
		r := ana.does(t, tool, args)
		way := cutNote.FindStringSubmatch(r.text)
		if way == nil || strings.Contains(r.text, "long end") {
			t.Errorf("%s does not say how to read on:\n%s", tool, r.text)
			continue
		}
		if r.str("whole_with") == "" {
			t.Errorf("the structure of %s does not say how to read on", tool)
		}
		channel := way[3]
		if tool == "flow_enumerate_messages" {
			channel = "general"
		}
		whole := ana.does(t, "flow_enumerate_messages", fmt.Sprintf(`{"channel":%q,"message":%q}`, channel, way[4]))
		if shown := whole.list("messages"); len(shown) != 1 || shown[0]["text"] != long {
			t.Errorf("%s: what is cut is not whole with %q", tool, way[0])
		}
		if strings.Contains(whole.text, "start of the history") || strings.Contains(whole.text, "There may be") {
			t.Errorf("one message is shown like a page:\n%.200s", whole.text)
		}
	}
}

// TestWaitSaysHowToReadLongData: of one message alone, what it carries beside its text can
// be too much.
func TestWaitSaysHowToReadLongData(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.joins(t, "ana", tools.Options{}), w.joins(t, "ben", tools.Options{})
	start := ana.does(t, "flow_wait_for_messages", `{"timeout_seconds":0}`).structured["cursor"]
	data, _ := json.Marshal(map[string]string{"key": strings.Repeat("data ", 10_000)})
	ben.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":%q,"other_data":%s}`, strings.Repeat("long ", 8000), data))
	r := ana.does(t, "flow_wait_for_messages", fmt.Sprintf(`{"after":%v,"timeout_seconds":0}`, start))
	if way := cutNote.FindStringSubmatch(r.text); way == nil || way[3] != "Home/general" || r.str("whole_with") == "" {
		t.Errorf("a cut wait ends with %q", r.text[len(r.text)-200:])
	}
}

// TestCatchUpSaysWhereToReadOn in its structure too.
func TestCatchUpSaysWhereToReadOn(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.joins(t, "ana", tools.Options{}), w.joins(t, "ben", tools.Options{})
	for i := range 5 {
		ben.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":"%d"}`, i))
	}
	next := func(limit int, key string) (texts []string, id any) {
		t.Helper()
		one := ana.does(t, "flow_catch_up", fmt.Sprintf(`{"limit":%d}`, limit)).list("channels")[0]
		for _, m := range one["messages"].([]any) {
			texts = append(texts, m.(map[string]any)["text"].(string))
		}
		return texts, one[key]
	}
	texts, older := next(2, "older") // nothing was ever read: the newest
	r := ana.does(t, "flow_enumerate_messages", fmt.Sprintf(`{"channel":"general","before":%q}`, older))
	if len(r.list("messages")) != 3 || fmt.Sprint(texts) != "[3 4]" {
		t.Errorf("before what catching up shows, which is %v, there is:\n%s", texts, r.text)
	}
	first := r.list("messages")[0]["id"]
	ana.does(t, "flow_set_channel_read_hwm", fmt.Sprintf(`{"channel":"general","message":%q}`, first))
	texts, newer := next(2, "newer")
	r = ana.does(t, "flow_enumerate_messages", fmt.Sprintf(`{"channel":"general","after":%q}`, newer))
	if len(r.list("messages")) != 2 || fmt.Sprint(texts) != "[1 2]" {
		t.Errorf("after what catching up shows, which is %v, there is:\n%s", texts, r.text)
	}
	if _, more := next(20, "newer"); more != nil {
		t.Errorf("a catching up that shows all goes on after %v", more)
	}
}
