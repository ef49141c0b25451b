package flowtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var queries = []scenario{
	{"answer what the account can see", queriesAnswer},
	{"take variables, and one of several operations", queriesTakeVariables},
	{"page through lists", queriesPage},
	{"page through a history both ways", queriesPageHistories},
	{"show long messages whole", queriesShowLongMessages},
	{"keep others out", queriesKeepOut},
	{"describe the schema", queriesDescribeThemselves},
	{"say what is wrong", queriesSayWhatIsWrong},
	{"that ask too much are refused", queriesAreBounded},
	{"keep no keys", queriesKeepNoKeys},
}

// asks runs a query that must have no errors, and returns its data.
func (p *person) asks(t *testing.T, query string, args ...string) any {
	t.Helper()
	in := flow.GraphQLInput{Query: query}
	if len(args) > 0 {
		in.Args = json.RawMessage(args[0])
	}
	reply := must(t, p, flow.GraphQL, in)
	if len(reply.Errors) > 0 {
		t.Fatalf("%s: %+v", query, reply.Errors)
	}
	return parsed(t, string(reply.Data))
}

func queriesAnswer(t *testing.T, n *network) {
	alice, bob := n.register(t, "alice"), n.register(t, "bob")
	team := alice.founds(t, "Team", bob)
	general := alice.opens(t, team, "general", bob)
	direct := alice.talksTo(t, team, bob)
	first := alice.send(t, general, "one")
	second := must(t, alice, flow.SendMessage, flow.SendMessageInput{ChannelID: general, Text: "two \"✓\"", OtherData: json.RawMessage(`{"a":1}`)})
	bob.marks(t, general, first)
	at := bob.messages(t, general, flow.MessageFilters{Limit: 1})[0].CreationTime
	got := bob.asks(t, `{
		me { id username }
		teams { totalCount nodes { id name discoverable state members { totalCount nodes { account { username } state } } } }
		team(id: "`+string(team)+`") { channels { nodes { id name direct partner { username } } } }
		channel(id: "`+string(general)+`") {
			team { id } unreadCount readUpTo members { nodes { state since account { username verified } } }
			lastMessage { id text otherData time sender { username } channel { name } attachments { filename } }
			messages { nodes { text otherData } pageInfo { hasNextPage hasPreviousPage } }
		}
		people { nodes { username } }
		byName: account(username: "ALICE") { id }
		byID: account(id: "`+string(alice.id)+`") { username fingerprint }
		search(text: "TWO") { totalCount nodes { id } }
	}`)
	since := moment(must(t, bob, flow.EnumerateChannelMembers, flow.EnumerateChannelMembersInput{ChannelID: general})[1].CreationTime)
	adminSince := moment(must(t, bob, flow.EnumerateChannelMembers, flow.EnumerateChannelMembersInput{ChannelID: general})[0].CreationTime)
	fingerprint := must(t, bob, flow.GetPeer, flow.GetPeerInput{PeerUsername: "alice"}).Fingerprint
	want := parsed(t, fmt.Sprintf(`{
		"me": {"id": %[1]q, "username": "bob"},
		"teams": {"totalCount": 1, "nodes": [{"id": %[2]q, "name": "Team", "discoverable": true, "state": "MEMBER", "members": {"totalCount": 2,
			"nodes": [{"account": {"username": "alice"}, "state": "OWNER"}, {"account": {"username": "bob"}, "state": "MEMBER"}]}}]},
		"team": {"channels": {"nodes": [
			{"id": %[4]q, "name": "general", "direct": false, "partner": null},
			{"id": %[3]q, "name": "", "direct": true, "partner": {"username": "alice"}}]}},
		"channel": {"team": {"id": %[2]q}, "unreadCount": 1, "readUpTo": %[5]q,
			"members": {"nodes": [
				{"state": "ADMIN", "since": %[11]q, "account": {"username": "alice", "verified": false}},
				{"state": "MEMBER", "since": %[8]q, "account": {"username": "bob", "verified": false}}]},
			"lastMessage": {"id": %[6]q, "text": "two \"✓\"", "otherData": "{\"a\":1}", "time": %[7]q,
				"sender": {"username": "alice"}, "channel": {"name": "general"}, "attachments": []},
			"messages": {"nodes": [{"text": "two \"✓\"", "otherData": "{\"a\":1}"}, {"text": "one", "otherData": null}],
				"pageInfo": {"hasNextPage": false, "hasPreviousPage": false}}},
		"people": {"nodes": [{"username": "alice"}, {"username": "bob"}]},
		"byName": {"id": %[9]q},
		"byID": {"username": "alice", "fingerprint": %[10]q},
		"search": {"totalCount": 1, "nodes": [{"id": %[6]q}]}
	}`, bob.id, team, direct, general, first, second, moment(at), since, alice.id, fingerprint, adminSince))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the answer (-want +got):\n%s", diff)
	}
}

// moment writes milliseconds since 1970 as GraphQL shows them.
func moment(milliseconds int64) string {
	return time.UnixMilli(milliseconds).UTC().Format(time.RFC3339Nano)
}

func queriesTakeVariables(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	alice.send(t, general, "hi")
	alice.send(t, general, "ho")
	query := `query Read($channel: ID!, $first: Int = 1, $text: Boolean = true) {
		channel(id: $channel) { messages(first: $first) { nodes { ...said } } }
	}
	fragment said on Message { text @include(if: $text) __typename }
	query Other { me { username } }`
	for args, want := range map[string]string{
		fmt.Sprintf(`{"channel":%q}`, general):                        `[{"__typename":"Message","text":"ho"}]`,
		fmt.Sprintf(`{"channel":%q,"first":2,"unused":[]}`, general):  `[{"__typename":"Message","text":"ho"},{"__typename":"Message","text":"hi"}]`,
		fmt.Sprintf(`{"channel":%q,"first":2,"text":false}`, general): `[{"__typename":"Message"},{"__typename":"Message"}]`,
	} {
		reply := must(t, alice, flow.GraphQL, flow.GraphQLInput{Query: query, Args: json.RawMessage(args), OperationName: "Read"})
		want = `{"channel":{"messages":{"nodes":` + want + `}}}`
		if diff := cmp.Diff(parsed(t, want), parsed(t, string(reply.Data))); diff != "" || len(reply.Errors) > 0 {
			t.Errorf("with %s: errors %v (-want +got):\n%s", args, reply.Errors, diff)
		}
	}
	args := fmt.Sprintf(`{"channel":%q}`, general)
	reply := must(t, alice, flow.GraphQL, flow.GraphQLInput{Query: query, Args: json.RawMessage(args), OperationName: "Other"})
	if got, want := string(reply.Data), `{"me":{"username":"alice"}}`; got != want {
		t.Errorf("the other operation answers %s, want %s", got, want)
	}
	if got := raw(t, alice, "GraphQL", `{"Query":"{me{username}}","Args":null}`); got != `{"data":{"me":{"username":"alice"}}}` {
		t.Errorf("the reply is %s", got)
	}
}

// walk reads a list by pages of two and returns what names say of its entries.
func (p *person) walk(t *testing.T, query string) []any {
	t.Helper()
	var all []any
	args := `{"after":null}`
	for range 20 {
		at := p.asks(t, query, args)
		for { // down to the connection
			inner := at.(map[string]any)
			if inner["pageInfo"] != nil {
				break
			}
			for _, at = range inner {
			}
		}
		page := at.(map[string]any)
		for _, e := range page["edges"].([]any) {
			for _, node := range e.(map[string]any)["node"].(map[string]any) {
				all = append(all, node)
			}
		}
		info := page["pageInfo"].(map[string]any)
		if info["hasPreviousPage"] != (args != `{"after":null}`) {
			t.Errorf("%s with %s: %v", query, args, info)
		}
		if info["hasNextPage"] == false {
			return all
		}
		args = fmt.Sprintf(`{"after":%q}`, info["endCursor"])
	}
	t.Fatalf("%s does not end: %v", query, all)
	return nil
}

func queriesPage(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	var others []*person
	for _, name := range []string{"bob", "carol", "dave"} {
		others = append(others, n.join(t, name))
	}
	team := alice.founds(t, "B", others...)
	for _, name := range []string{"E", "A", "D", "C"} {
		alice.founds(t, name)
	}
	var general flow.ChannelID
	for _, name := range []string{"red", "green", "blue"} {
		general = alice.opens(t, team, name, others...)
	}
	for _, text := range []string{"word 1", "word 2", "word 3", "word 4", "word 5"} {
		alice.send(t, general, text)
	}
	page := "(first: 2, after: $after) { pageInfo { hasNextPage hasPreviousPage endCursor } edges { cursor node { %s } } }"
	people := []any{"alice", "bob", "carol", "dave"}
	for _, list := range []struct {
		query string
		want  []any
	}{
		{"teams" + fmt.Sprintf(page, "name"), []any{"A", "B", "C", "D", "E"}},
		{"channels" + fmt.Sprintf(page, "name"), []any{"blue", "green", "red"}},
		{fmt.Sprintf("team(id: %q) { channels"+page+"}", team, "name"), []any{"blue", "green", "red"}},
		{"people" + fmt.Sprintf(page, "username"), people},
		{fmt.Sprintf("channel(id: %q) { messages"+page+"}", general, "text"), []any{"word 5", "word 4", "word 3", "word 2", "word 1"}},
		{`search(text: "word", ` + fmt.Sprintf(page, "text")[1:], []any{"word 5", "word 4", "word 3", "word 2", "word 1"}},
	} {
		got := alice.walk(t, "query($after: String) { "+list.query+" }")
		if diff := cmp.Diff(list.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", list.query, diff)
		}
	}
	var names []any
	for _, place := range []string{fmt.Sprintf("team(id: %q)", team), fmt.Sprintf("channel(id: %q)", general)} {
		names = nil
		for _, who := range alice.walk(t, "query($after: String) { "+place+" { members"+fmt.Sprintf(page, "account { username }")+"} }") {
			names = append(names, who.(map[string]any)["username"])
		}
		if diff := cmp.Diff(people, names); diff != "" {
			t.Errorf("the members of %s (-want +got):\n%s", place, diff)
		}
	}
}

func queriesPageHistories(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	var ids []flow.MessageID
	for i := range 7 {
		ids = append(ids, alice.send(t, general, fmt.Sprint(i)))
	}
	for _, page := range []struct {
		args         string
		want         []any
		newer, older bool
	}{
		{``, []any{"6", "5", "4", "3", "2", "1", "0"}, false, false},
		{`(first: 2)`, []any{"6", "5"}, false, true},
		{`(first: 7)`, []any{"6", "5", "4", "3", "2", "1", "0"}, false, false},
		{fmt.Sprintf(`(first: 3, after: %q)`, ids[4]), []any{"3", "2", "1"}, true, true},
		{fmt.Sprintf(`(after: %q)`, ids[2]), []any{"1", "0"}, true, false},
		{fmt.Sprintf(`(after: %q)`, ids[0]), []any{}, true, false},
		{fmt.Sprintf(`(last: 2, before: %q)`, ids[2]), []any{"4", "3"}, true, true},
		{fmt.Sprintf(`(last: 4, before: %q)`, ids[2]), []any{"6", "5", "4", "3"}, false, true},
		{fmt.Sprintf(`(last: 9, before: %q)`, ids[6]), []any{}, false, true},
		{`(first: 0)`, []any{}, false, true},
	} {
		data := alice.asks(t, fmt.Sprintf(`{ channel(id: %q) { messages%s { nodes { text } pageInfo { hasNextPage hasPreviousPage } } } }`, general, page.args))
		got := data.(map[string]any)["channel"].(map[string]any)["messages"].(map[string]any)
		texts := []any{}
		for _, m := range got["nodes"].([]any) {
			texts = append(texts, m.(map[string]any)["text"])
		}
		info := got["pageInfo"].(map[string]any)
		if diff := cmp.Diff(page.want, texts); diff != "" || info["hasNextPage"] != page.older || info["hasPreviousPage"] != page.newer {
			t.Errorf("messages%s: %v (-want +got):\n%s", page.args, info, diff)
		}
	}
}

func queriesShowLongMessages(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	text := strings.Repeat("é", flow.MaxText/2)
	other := json.RawMessage(`{"a":"` + strings.Repeat("x", flow.MaxOtherData-8) + `"}`)
	const count = 70 // more than an engine tells at once
	together(t, count, func(int) (flow.MessageID, error) {
		return flow.SendMessage.Call(t.Context(), alice, flow.SendMessageInput{ChannelID: general, Text: text, OtherData: other})
	})
	query := `query($after: String) { channel(id: "` + string(general) + `") { messages(first: 100, after: $after) {
		pageInfo { hasNextPage hasPreviousPage endCursor } edges { node { id } } } } }`
	if got := alice.walk(t, query); len(got) != count {
		t.Errorf("%d messages were found, want %d", len(got), count)
	}
	got := alice.asks(t, fmt.Sprintf(`{ channel(id: %q) { lastMessage { text } } }`, general))
	if diff := cmp.Diff(map[string]any{"channel": map[string]any{"lastMessage": map[string]any{"text": text}}}, got); diff != "" {
		t.Errorf("the last message is not whole")
	}
}

func queriesKeepOut(t *testing.T, n *network) {
	alice, bob := n.register(t, "alice"), n.register(t, "bob")
	team := alice.founds(t, "Team", bob)
	secret := alice.opens(t, team, "secret")
	other := alice.founds(t, "Other")
	plan := alice.send(t, secret, "the plan")
	for query, path := range map[string]string{
		fmt.Sprintf(`{ out: channel(id: %q) { name } me { username } }`, secret):                    `["out"]`,
		fmt.Sprintf(`{ out: team(id: %q) { members { nodes { state } } } me { username } }`, other): `["out"]`,
		fmt.Sprintf(`{ out: channel(id: %q) { lastMessage { text } } me { username } }`, plan):      `["out"]`,
		`{ out: account(username: "nobody") { id } me { username } }`:                               `["out"]`,
		`{ out: account(id: "NONE") { id } me { username } }`:                                       `["out"]`,
	} {
		reply := must(t, bob, flow.GraphQL, flow.GraphQLInput{Query: query})
		want := `{"me":{"username":"bob"},"out":null}`
		if diff := cmp.Diff(parsed(t, want), parsed(t, string(reply.Data))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
		if len(reply.Errors) != 1 || reply.Errors[0].Extensions.Code != flow.NotFound || string(reply.Errors[0].Path) != path {
			t.Errorf("%s: the errors are %+v", query, reply.Errors)
		}
	}
	for _, where := range []string{fmt.Sprintf("channel: %q", secret), fmt.Sprintf("team: %q", other)} {
		reply := must(t, bob, flow.GraphQL, flow.GraphQLInput{Query: `{ search(text: "plan", ` + where + `) { nodes { text } } }`})
		if string(reply.Data) != "null" || len(reply.Errors) != 1 || reply.Errors[0].Extensions.Code != flow.NotFound {
			t.Errorf("bob searches with %s and gets %s, %+v", where, reply.Data, reply.Errors)
		}
	}
	everything := bob.asks(t, `{ teams { nodes { name channels { totalCount } } } channels { totalCount } search(text: "plan") { totalCount } }`)
	want := parsed(t, `{"teams":{"nodes":[{"name":"Team","channels":{"totalCount":0}}]},"channels":{"totalCount":0},"search":{"totalCount":0}}`)
	if diff := cmp.Diff(want, everything); diff != "" {
		t.Errorf("all that bob sees (-want +got):\n%s", diff)
	}
}

// introspection is what tools ask for to learn a schema.
const introspection = `query IntrospectionQuery { __schema {
	queryType { name } mutationType { name } subscriptionType { name }
	types { ...FullType } directives { name description locations args { ...InputValue } } } }
fragment FullType on __Type { kind name description
	fields(includeDeprecated: true) { name description args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
	inputFields { ...InputValue } interfaces { ...TypeRef } enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
	possibleTypes { ...TypeRef } }
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType {
	kind name ofType { kind name ofType { kind name } } } } } } } }`

func queriesDescribeThemselves(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	schema := alice.asks(t, introspection).(map[string]any)["__schema"].(map[string]any)
	if diff := cmp.Diff(map[string]any{"name": "Query"}, schema["queryType"]); diff != "" {
		t.Errorf("the type of queries (-want +got):\n%s", diff)
	}
	var names []string
	for _, one := range schema["types"].([]any) {
		names = append(names, one.(map[string]any)["name"].(string))
	}
	for _, want := range []string{"Query", "Account", "Team", "Channel", "Message", "Member", "Attachment", "PageInfo"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no type %s among %q", want, names)
		}
	}
}

func queriesSayWhatIsWrong(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	in := fmt.Sprintf(`channel(id: %q)`, general)
	for query, want := range map[string]string{
		``:                  "",
		`{`:                 "syntax error",
		`{ me { username }`: "syntax error",
		`{ me { salary } }`: `"salary"`,
		`{ me }`:            "selection",
		`query($id: ID!) { team(id: $id) { name } }`:                                     `"id"`,
		`query A { me { id } } query B { me { id } }`:                                    "operation",
		`subscription { me { id } }`:                                                     "there are no subscriptions",
		`{ ` + in + ` { messages(first: -1) { nodes { text } } } }`:                      "between 0 and",
		`{ ` + in + ` { messages(first: 501) { nodes { text } } } }`:                     "between 0 and",
		`{ ` + in + ` { messages(last: 5) { nodes { text } } } }`:                        "last with before",
		`{ ` + in + ` { messages(before: "x") { nodes { text } } } }`:                    "before goes with last",
		`{ ` + in + ` { messages(first: 1, last: 1, before: "x") { nodes { text } } } }`: "last with before",
		`{ ` + in + ` { messages(after: "x") { nodes { text } } } }`:                     "no message",
		`{ teams(first: 1000) { nodes { name } } }`:                                      "between 0 and",
		`{ teams(after: "x") { nodes { name } } }`:                                       "no cursor",
		`{ account { id } }`:                         "either id or username",
		`{ account(id: "x", username: "y") { id } }`: "either id or username",
		`{ search(text: "") { totalCount } }`:        "",
	} {
		reply := must(t, alice, flow.GraphQL, flow.GraphQLInput{Query: query})
		if len(reply.Errors) == 0 || !strings.Contains(reply.Errors[0].Message, want) || reply.Errors[0].Message == "" {
			t.Errorf("%s: the errors are %+v, want one with %q", query, reply.Errors, want)
			continue
		}
		if code := reply.Errors[0].Extensions.Code; code != flow.Invalid && code != flow.NotFound && code != flow.Unsupported {
			t.Errorf("%s: the code is %q", query, code)
		}
	}
	for _, args := range []string{`[]`, `"x"`, `5`} {
		refuse(t, alice, flow.GraphQL, flow.GraphQLInput{Query: "{ me { id } }", Args: json.RawMessage(args)}, flow.Invalid)
	}
}

func queriesAreBounded(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	flood(t, alice, general, 250)
	var aliases, fields, fragments strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&aliases, "a%d: me { id } ", i)
	}
	for i := range 900 {
		fmt.Fprintf(&fields, "t%d: text ", i)
	}
	for i := range 30 {
		fmt.Fprintf(&fragments, "fragment f%d on Query { ...f%d a%d: me { ...on Account { id } } ...f%d } ", i, i+1, i, i+1)
	}
	deep := strings.Repeat("channels { nodes { team { ", 10) + "name" + strings.Repeat(" } } }", 10)
	for what, query := range map[string]string{
		"a long text":            "{ me { id } } #" + strings.Repeat("x", 33<<10),
		"many names":             "{ " + aliases.String() + "}",
		"depth":                  "{ teams { nodes { " + deep + " } } }",
		"fragments in fragments": "{ ...f0 } " + fragments.String() + "fragment f30 on Query { me { id } }",
		"a circle of fragments":  "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
		"fields of many":         fmt.Sprintf("{ channel(id: %q) { messages(first: 500) { nodes { %s } } } }", general, fields.String()),
	} {
		reply := must(t, alice, flow.GraphQL, flow.GraphQLInput{Query: query})
		if len(reply.Errors) == 0 || reply.Errors[0].Extensions.Code != flow.Invalid || len(reply.Data) > 4 {
			t.Errorf("%s: %d bytes of data, errors %+v", what, len(reply.Data), reply.Errors)
		}
	}
}

func queriesKeepNoKeys(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	for _, field := range []string{"backUpKey", "recoverKey"} {
		reply := must(t, alice, flow.GraphQL, flow.GraphQLInput{
			Query: "mutation($p: String!) { " + field + "(password: $p) }", Args: json.RawMessage(`{"p":"secret"}`),
		})
		if string(reply.Data) != "null" || len(reply.Errors) != 1 || reply.Errors[0].Extensions.Code != flow.Unsupported {
			t.Errorf("%s: data %s, errors %+v", field, reply.Data, reply.Errors)
		}
	}
}
