//go:build unix

package examples_test

import (
	"context"
	"encoding/json"
	"os"
	"regexp"
	"sync"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/tiktoken-go/tokenizer"

	"github.com/flow-mcp/flow-mcp/flow"
)

// tally is what a task has cost a model: calls, and tokens of what it wrote and read.
type tally struct{ calls, tokens int }

func (t *tally) add(parts ...string) {
	t.calls++
	for _, part := range parts {
		t.tokens += tokens(part)
	}
}

// o200k is the vocabulary of current models of one maker; those of others give about the
// same counts.
var o200k = sync.OnceValue(func() tokenizer.Codec {
	codec, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		panic(err) // the name of the vocabulary is wrong
	}
	return codec
})

// samples stand in for what differs from run to run, so that the counts do not: ids, short
// references, times and places in the log.
var samples = []struct {
	differs *regexp.Regexp
	sample  string
}{
	{regexp.MustCompile(`[A-Z2-7]{52}`), "XZ3TVTK5MCBRHVQ7JQ4G3NWXGAHZ5L6PYEUDO2IFSR7KMWBNTC4A"},
	{regexp.MustCompile(`\b[A-Z2-7]{26}\b`), "QJ5LZV2HRNWM7TCKXE3DUGYFA4"},
	{regexp.MustCompile(`\[[a-z2-7]{8}\]`), "[k7qx2m4d]"},
	{regexp.MustCompile(`"[a-z2-7]{8}"`), `"k7qx2m4d"`},
	{regexp.MustCompile(`messages/[a-z2-7]{8}\b`), "messages/k7qx2m4d"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d`), "2026-11-20"},
	{regexp.MustCompile(`\b\d\d:\d\d\b`), "10:47"},
	{regexp.MustCompile(`:\d\d\.\d{3}Z`), ":12.345Z"},
	{regexp.MustCompile(`\b\d{13}\b`), "1795712345678"},
	{regexp.MustCompile(`(after=|"(?:After|Seq|seq|next|cursor|Next)":)\d+`), "${1}4711"},
}

func tokens(text string) int {
	for _, s := range samples {
		text = s.differs.ReplaceAllString(text, s.sample)
	}
	n, err := o200k().Count(text)
	if err != nil {
		panic(err) // any text can be counted
	}
	return n
}

// agent works with the default tools, as a model does through a host. Of results it reads
// the text.
type agent struct {
	tally
	tb   testing.TB
	host *host
	town *town
}

func newAgent(tb testing.TB, w *town) *agent {
	tb.Helper()
	ctx, cancel := patience()
	defer cancel()
	h, err := startHost(ctx, os.Environ(), mcp.LATEST_LEGACY_PROTOCOL_VERSION, "--account", kim, "--data-dir", w.dir, "--log-level", "warn",
		"--folder", os.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(h.close)
	return &agent{tb: tb, host: h, town: w}
}

type args map[string]any

// use calls a tool, which must succeed, and returns the text of its result.
func (a *agent) use(tool string, in args) string {
	a.tb.Helper()
	raw, err := json.Marshal(in)
	if err != nil {
		a.tb.Fatal(err)
	}
	ctx, cancel := patience()
	defer cancel()
	result, err := a.host.call(ctx, tool, string(raw))
	if err != nil {
		a.tb.Fatalf("%s %s: %v", tool, raw, err)
	}
	said := text(result.Content)
	if result.IsError {
		a.tb.Fatalf("%s %s: %s", tool, raw, said)
	}
	a.add(tool, string(raw), said)
	return said
}

// read reads a resource and returns its text, or the content of a file.
func (a *agent) read(uri string) string {
	a.tb.Helper()
	ctx, cancel := patience()
	defer cancel()
	out, err := a.host.client.ReadResource(ctx, mcp.ReadResourceRequest{Params: mcp.ReadResourceParams{URI: uri}})
	if err != nil {
		a.tb.Fatalf("read %s: %v", uri, err)
	}
	said := contents(out.Contents)
	a.add("resources/read", uri, said)
	return said
}

// ref finds the short reference of the message with some words.
func (a *agent) ref(in, words string) string {
	a.tb.Helper()
	m := regexp.MustCompile(`\[([a-z2-7]{8})\][^\n]*` + regexp.QuoteMeta(words)).FindStringSubmatch(in)
	if m == nil {
		a.tb.Fatalf("no message with %q in\n%s", words, in)
	}
	return m[1]
}

// find returns the first group of a pattern in a text.
func (a *agent) find(in, pattern string) string {
	a.tb.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(in)
	if m == nil {
		a.tb.Fatalf("nothing is like %s in\n%s", pattern, in)
	}
	return m[1]
}

// api is the same account with a thin tool for each method of the Flow API: parameters
// and results are the JSON of the wire, things are named by their ids.
type api struct {
	tally
	tb     testing.TB
	client *flow.Client
	town   *town
}

func newAPI(tb testing.TB, w *town) *api {
	return &api{tb: tb, client: w.as(kim), town: w}
}

// Call implements [flow.Caller].
func (a *api) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	result, err := a.client.Call(ctx, method, params)
	a.add(method, string(params), string(result))
	return result, err
}

// The steps that thin tools make a model do before anything else.

func (a *api) org() flow.OrgID {
	return obtain(a.tb, a, flow.EnumerateOrgs, flow.EnumerateOrgsInput{})[0].ID
}

func (a *api) channel(name string) flow.ChannelID {
	a.tb.Helper()
	for _, c := range obtain(a.tb, a, flow.EnumerateChannels, flow.EnumerateChannelsInput{OrgID: a.org()}) {
		if c.Name == name {
			return c.ID
		}
	}
	a.tb.Fatalf("there is no channel %s", name)
	return ""
}

func (a *api) person(name string) flow.AccountID {
	return obtain(a.tb, a, flow.GetPeer, flow.GetPeerInput{PeerUsername: name}).AccountID
}

// names lists people by id.
func (a *api) names() map[flow.AccountID]string {
	names := map[flow.AccountID]string{}
	for _, p := range obtain(a.tb, a, flow.EnumeratePeerAccounts, flow.EnumeratePeerAccountsInput{}) {
		names[p.AccountID] = p.Username
	}
	return names
}

func (a *api) messages(channel flow.ChannelID, f flow.MessageFilters) []flow.Message {
	return obtain(a.tb, a, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: channel, Filters: &f})
}

func (a *api) search(words string) []flow.SearchHit {
	return obtain(a.tb, a, flow.Search, flow.SearchInput{Search: words})
}

func (a *api) send(channel flow.ChannelID, words string) flow.MessageID {
	return obtain(a.tb, a, flow.SendMessage, flow.SendMessageInput{ChannelID: channel, Text: words})
}
