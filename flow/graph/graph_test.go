package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/graph"
)

// hall is an engine with one team, in which everybody is in every channel and has said
// something in each.
type hall struct {
	flow.Engine // the methods that no query needs are nil
	people      int
	channels    int
	text        string
	hits        []flow.SearchHit
	fails       error // of the lists of messages

	mu    sync.Mutex
	calls map[string]int
}

func (h *hall) count(method string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.calls == nil {
		h.calls = map[string]int{}
	}
	h.calls[method]++
}

func (h *hall) CurrentState(_ context.Context, _ flow.Call, in flow.CurrentStateInput) (map[flow.OrgID]flow.OrgState, error) {
	h.count(fmt.Sprint("CurrentState ", in.Stage))
	channels := map[flow.ChannelID]flow.ChannelState{}
	for i := range h.channels {
		ch := flow.ChannelState{Channel: flow.Channel{ID: flow.ChannelID(fmt.Sprint("c", i)), OrgID: "o", Name: fmt.Sprint(i)}}
		if in.Stage == 1 {
			ch.Activity = &flow.Activity{UnreadCount: i}
		}
		channels[ch.ID] = ch
	}
	return map[flow.OrgID]flow.OrgState{"o": {Org: flow.Org{ID: "o", Name: "Hall", State: flow.Member}, Channels: channels}}, nil
}

func (h *hall) EnumeratePeerAccounts(context.Context, flow.Call, flow.EnumeratePeerAccountsInput) ([]flow.Peer, error) {
	h.count("EnumeratePeerAccounts")
	var peers []flow.Peer
	for i := range h.people {
		peers = append(peers, flow.Peer{AccountID: flow.AccountID(fmt.Sprint("a", i)), Username: fmt.Sprint("p", i)})
	}
	return peers, nil
}

func (h *hall) GetPeerFromID(_ context.Context, _ flow.Call, in flow.GetPeerFromIDInput) (flow.Peer, error) {
	h.count("GetPeerFromID")
	return flow.Peer{AccountID: in.PeerID, Username: "gone"}, nil
}

func (h *hall) EnumerateMessages(_ context.Context, call flow.Call, in flow.EnumerateMessagesInput) ([]flow.Message, error) {
	h.count("EnumerateMessages")
	if call.Session != 7 || call.Request != "" {
		return nil, fmt.Errorf("the call is %+v", call)
	}
	if h.fails != nil {
		return nil, h.fails
	}
	var list []flow.Message
	for i := range min(h.people+1, in.Filters.Limit) { // the last author has left
		list = append(list, flow.Message{
			ID: flow.MessageID(fmt.Sprint(in.ChannelID, "m", i)), ChannelID: in.ChannelID, SenderAccountID: flow.AccountID(fmt.Sprint("a", i)), Text: h.text,
		})
	}
	return list, nil
}

var onSeven = flow.Call{Session: 7, Request: "R"}

func TestAskOnce(t *testing.T) {
	h := &hall{people: 20, channels: 30, text: "hi"}
	reply, err := graph.Answer(t.Context(), h, onSeven, flow.GraphQLInput{Query: `{ teams { nodes { channels { nodes {
		unreadCount lastMessage { id } team { name } again: team { discoverable }
		messages { nodes { text sender { username } channel { name team { name } } } }
		same: messages { edges { node { text } } }
	} } } } }`})
	if err != nil || len(reply.Errors) > 0 {
		t.Fatal(err, reply.Errors)
	}
	want := map[string]int{"CurrentState 0": 1, "CurrentState 1": 1, "EnumeratePeerAccounts": 1, "GetPeerFromID": 1, "EnumerateMessages": 30}
	if diff := cmp.Diff(want, h.calls); diff != "" {
		t.Errorf("the engine was asked (-want +got):\n%s", diff)
	}
	if n := strings.Count(string(reply.Data), `"username":"p`); n != 20*30 {
		t.Errorf("%d authors are told, want %d", n, 20*30)
	}
}

// TestSearchIsNewestFirst: also when messages were sent within one millisecond.
func TestSearchIsNewestFirst(t *testing.T) {
	h := &hall{hits: []flow.SearchHit{{Data: flow.Message{Text: "one", CreationTime: 1}}, {Data: flow.Message{Text: "two", CreationTime: 2}}, {Data: flow.Message{Text: "three", CreationTime: 2}}}}
	reply, err := graph.Answer(t.Context(), h, onSeven, flow.GraphQLInput{Query: `{ search(text: "x") { nodes { text } } }`})
	if got, want := string(reply.Data), `{"search":{"nodes":[{"text":"three"},{"text":"two"},{"text":"one"}]}}`; got != want || err != nil {
		t.Errorf("the answer is %s, %v; want %s", got, err, want)
	}
}

const oneChannel = `{ channel(id: "c0") { messages { nodes { text } } } }`

func TestRefusalsAreErrorsOfFields(t *testing.T) {
	h := &hall{channels: 1, fails: flow.Errorf(flow.Denied, "not now")}
	reply, err := graph.Answer(t.Context(), h, onSeven, flow.GraphQLInput{Query: oneChannel})
	want := flow.GraphQLReply{Data: json.RawMessage(`{"channel":null}`), Errors: []flow.GraphQLError{{
		Message: "not now", Path: json.RawMessage(`["channel","messages"]`), Extensions: flow.GraphQLExtensions{Code: flow.Denied},
	}}}
	if diff := cmp.Diff(want, reply); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
}

// TestFailuresOfTheEngine: callers try again when the store moves to another process, and
// defects are logged, so neither may hide in a reply.
func TestFailuresOfTheEngine(t *testing.T) {
	for _, fails := range []error{flow.Errorf(flow.Unavailable, "moving"), flow.Errorf(flow.Unusable, "disk full"), flow.Errorf(flow.UnknownSession, "Unknown session"), fmt.Errorf("SELECT secret")} {
		h := &hall{channels: 1, fails: fails}
		if reply, err := graph.Answer(t.Context(), h, onSeven, flow.GraphQLInput{Query: oneChannel}); err != fails {
			t.Errorf("%v: the reply is %+v, %v", fails, reply, err)
		}
	}
}

func TestPanicsReachTheCaller(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Errorf("nothing panicked")
		}
	}()
	_, _ = graph.Answer(t.Context(), &hall{}, onSeven, flow.GraphQLInput{Query: `{ me { username } }`})
}

// slow answers when its context ends.
type slow struct {
	hall
	asked chan struct{}
}

func (s *slow) EnumerateMessages(ctx context.Context, _ flow.Call, _ flow.EnumerateMessagesInput) ([]flow.Message, error) {
	close(s.asked)
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

func TestQueriesAreCancelled(t *testing.T) {
	s := &slow{hall: hall{channels: 1}, asked: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-s.asked
		cancel()
	}()
	if reply, err := graph.Answer(ctx, s, onSeven, flow.GraphQLInput{Query: oneChannel}); err != context.Canceled {
		t.Errorf("the reply is %+v, %v", reply, err)
	}
}

func TestTextIsBounded(t *testing.T) {
	h := &hall{people: 100, channels: 10, text: strings.Repeat("x", flow.MaxText)}
	for what, query := range map[string]string{
		"read":  `{ channels { nodes { messages { nodes { id } } } } }`,
		"shown": `{ channel(id: "c0") { messages { nodes { a: text b: text c: text d: text e: text f: text g: text h: text } } } }`,
	} {
		reply, err := graph.Answer(t.Context(), h, onSeven, flow.GraphQLInput{Query: query})
		if err != nil || reply.Data != nil || len(reply.Errors) != 1 || !strings.Contains(reply.Errors[0].Message, "ask for less") {
			t.Errorf("too much was %s: %d bytes of data, %+v, %v", what, len(reply.Data), reply.Errors, err)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	for _, query := range []string{oneChannel, `query($a: Int = 1) { teams(first: $a) { ...x } } fragment x on TeamConnection { totalCount }`,
		`{ __schema { types { name } } }`, `mutation { backUpKey(password: "\u0000") }`, "{ me", `{ search(text: """x""") { totalCount } }`} {
		f.Add(query, `{"a":2}`)
	}
	f.Fuzz(func(t *testing.T, query, args string) {
		h := &hall{people: 2, channels: 2, text: "hi"}
		reply, err := graph.Answer(t.Context(), h, onSeven, flow.GraphQLInput{Query: query, Args: json.RawMessage(args)})
		if err != nil && flow.CodeOf(err) != flow.Invalid {
			t.Fatal(err)
		}
		if _, err := json.Marshal(reply); err != nil {
			t.Fatal(err)
		}
	})
}

func (h *hall) PeerData(context.Context, flow.Call, flow.PeerDataInput) (flow.Peer, error) {
	if h.people == 0 {
		panic("nobody is here")
	}
	return flow.Peer{AccountID: "a0", Username: "p0"}, nil
}

func (h *hall) Search(context.Context, flow.Call, flow.SearchInput) ([]flow.SearchHit, error) {
	return h.hits, nil
}

func (h *hall) EnumerateOrgMembers(context.Context, flow.Call, flow.EnumerateOrgMembersInput) ([]flow.OrgMember, error) {
	return nil, nil
}

func (h *hall) EnumerateChannelMembers(context.Context, flow.Call, flow.EnumerateChannelMembersInput) ([]flow.ChannelMember, error) {
	return nil, nil
}

func (h *hall) GetChannelReadHWM(context.Context, flow.Call, flow.GetChannelReadHWMInput) (flow.HWM, error) {
	return flow.HWM{}, nil
}

func (h *hall) GetPeer(context.Context, flow.Call, flow.GetPeerInput) (flow.Peer, error) {
	return flow.Peer{}, flow.Errorf(flow.NotFound, "nobody is called that")
}

// TestQueriesThatCannotRun have errors and no data; a field that cannot be had is null.
func TestQueriesThatCannotRun(t *testing.T) {
	const byID = `query($c: ID!) { channel(id: $c) { name } }`
	const teams = `query($n: Int) { channel(id: "c0") { name } teams(first: $n) { totalCount } }`
	for _, tt := range []struct {
		query, args string
		data        string
		code        flow.Code
		says        string
	}{
		{byID, `{"c":"c0"}`, `{"channel":{"name":"0"}}`, "", ""},
		{byID, `{"c":5}`, `{"channel":null}`, flow.NotFound, ""},
		{byID, `{"c":-9007199254740992}`, `{"channel":null}`, flow.NotFound, ""},
		{`{ channel(id: 5) { name } }`, ``, `{"channel":null}`, flow.NotFound, ""},
		{byID, `{"c":1.5}`, ``, flow.Invalid, "an ID is text, or a whole number of up to 16 digits, and not 1.5"},
		{byID, `{"c":1e300}`, ``, flow.Invalid, "an ID is text"},
		{byID, `{"c":true}`, ``, flow.Invalid, "an ID is text"},
		{byID, `{"c":null}`, ``, flow.Invalid, "null"},
		{byID, ``, ``, flow.Invalid, "null"},
		{teams, `{"n":"many"}`, ``, flow.Invalid, ""},
		{teams, `{"n":0}`, `{"channel":{"name":"0"},"teams":{"totalCount":1}}`, "", ""},
		{`{ teams @skip(if: true) { totalCount } }`, ``, `{}`, "", ""},
		{`subscription { messages { text } }`, ``, ``, flow.Unsupported, "there are no subscriptions; WaitForNotification and EnumerateEvents tell"},
		{`query a { __typename } subscription b { x }`, ``, ``, flow.Invalid, ""},
		{`{ nothing }`, ``, ``, flow.Invalid, "nothing"},
	} {
		h := &hall{people: 1, channels: 1}
		reply, err := graph.Answer(t.Context(), h, onSeven, flow.GraphQLInput{Query: tt.query, Args: json.RawMessage(tt.args)})
		if err != nil || string(reply.Data) != tt.data {
			t.Errorf("%s with %s: the data are %s, %v, want %s", tt.query, tt.args, reply.Data, err, tt.data)
		}
		var code flow.Code
		said := ""
		if len(reply.Errors) > 0 {
			code, said = reply.Errors[0].Extensions.Code, reply.Errors[0].Message
		}
		if code != tt.code || !strings.Contains(said, tt.says) {
			t.Errorf("%s with %s: the code is %q for %q, want %q for %q", tt.query, tt.args, code, said, tt.code, tt.says)
		}
	}
}
