package resources_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/resources"
)

// inProcess is the library's client without a transport.
func inProcess(t testing.TB, s *side) *client.Client {
	t.Helper()
	c, err := client.NewInProcessClient(s.mcp)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var shake mcp.InitializeRequest
	shake.Params.ProtocolVersion = handshake
	if _, err := c.Initialize(t.Context(), shake); err != nil {
		t.Fatal(err)
	}
	return c
}

func list(t testing.TB, c *client.Client) []mcp.Resource {
	t.Helper()
	out, err := c.ListResources(t.Context(), mcp.ListResourcesRequest{})
	if err != nil {
		t.Fatalf("resources/list: %v", err)
	}
	return out.Resources
}

func TestList(t *testing.T) {
	dir := t.TempDir()
	ana, ben := open(t, dir, "ana"), open(t, dir, "ben")
	home := ana.home(t)
	direct := must(t, ana, flow.NewDirectConversation, flow.NewDirectConversationInput{OrgID: home.OrgID, MemberID: ben.home(t).AccountID})
	must(t, ana, flow.NewChannel, flow.NewChannelInput{OrgID: home.OrgID, Name: "odd\u202e name"})
	written := ben.send(t, home.ChannelID, "before anybody has listed")
	c := inProcess(t, ana)
	got := map[string]string{}
	for _, r := range list(t, c) {
		got[r.Name] = r.Title + " | " + r.Description
		if r.MIMEType != "application/json" || r.Annotations == nil || r.Annotations.Priority == nil || len(r.Annotations.Audience) == 0 {
			t.Errorf("%s is listed as %+v", r.URI, r)
		}
		switch r.Name {
		case "Home/general":
			if r.URI != "flow://channels/"+string(home.ChannelID) {
				t.Errorf("general is at %s", r.URI)
			}
			if r.Annotations.LastModified == "" {
				t.Errorf("general, to which %s was sent, was never modified", written)
			}
		case "Home/@ben":
			if r.URI != "flow://channels/"+string(direct) {
				t.Errorf("the conversation with ben is at %s", r.URI)
			}
		}
		if _, err := c.ReadResource(t.Context(), mcp.ReadResourceRequest{Params: mcp.ReadResourceParams{URI: r.URI}}); err != nil {
			t.Errorf("what is listed can be read: %v", err)
		}
	}
	for name, want := range map[string]string{
		"Home/general":  "#general | Channel of the team Home.",
		"Home/@ben":     "@ben | Direct conversation in the team Home.",
		"Home/odd name": "#odd name | Channel of the team Home.",
	} {
		if got[name] != want {
			t.Errorf("%s is listed as %q, want %q", name, got[name], want)
		}
	}
	for _, name := range []string{"me", "inbox", "events"} {
		if got[name] == "" {
			t.Errorf("%s is not listed", name)
		}
	}
	if len(got) != 6 {
		t.Errorf("%d resources are listed: %v", len(got), got)
	}
}

func TestTemplates(t *testing.T) {
	c := inProcess(t, open(t, t.TempDir(), "ana"))
	out, err := c.ListResourceTemplates(t.Context(), mcp.ListResourceTemplatesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, template := range out.ResourceTemplates {
		got = append(got, template.URITemplate.Raw())
		mime := "application/json"
		if strings.HasPrefix(template.URITemplate.Raw(), "flow://attachments/") {
			mime = "" // each file has its own
		}
		if template.Title == "" || template.Description == "" || template.MIMEType != mime {
			t.Errorf("%s is described as %+v", template.URITemplate.Raw(), template)
		}
	}
	slices.Sort(got)
	want := []string{
		"flow://accounts/{accountId}",
		"flow://attachments/{attachmentId}{?offset}",
		"flow://channels/{channelId}",
		"flow://channels/{channelId}/messages/{messageId}",
		"flow://channels/{channelId}/messages{?before,after,limit}",
		"flow://events{?after}",
		"flow://orgs/{orgId}",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("templates (-want +got):\n%s", diff)
	}
}

// paper is a backend of another make, with one team and as many channels as one likes.
type paper struct {
	mu       sync.Mutex
	channels []flow.Channel
}

const paperTeam flow.OrgID = "TEAM"

// onPaper returns the server of an account on a backend with count channels, of which
// the first and the last have one name.
func onPaper(count int) (*side, *paper) {
	p := &paper{}
	for i := range count {
		name := fmt.Sprintf("channel %05d", i%(count-1))
		p.channels = append(p.channels, flow.Channel{ID: flow.ChannelID(flow.NewID()), OrgID: paperTeam, Name: name})
	}
	return serving(&backend{process: &process{p, make(chan struct{})}, generation: 1}, "ana"), p
}

// Call implements [flow.Caller]. Results are as the original's, which says nothing of
// itself.
func (p *paper) Call(_ context.Context, method string, _ json.RawMessage) (json.RawMessage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch method {
	case "Config", "StartUp":
		return json.RawMessage("null"), nil
	case "NewSession":
		return json.RawMessage(`{"SessionID":1}`), nil
	case "AccountId":
		return json.RawMessage(`"ANA"`), nil
	case "EnumerateOrgs":
		return json.Marshal([]flow.Org{{ID: paperTeam, Name: "Team", State: flow.Owner}})
	case "EnumeratePeerAccounts":
		return json.Marshal([]flow.Peer{{AccountID: "ANA", Username: "ana"}})
	case "EnumerateChannels":
		return json.Marshal(p.channels)
	}
	return nil, flow.Errorf(flow.Unsupported, "unknown method %s", method)
}

func (p *paper) remove(uri string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.channels = slices.DeleteFunc(p.channels, func(c flow.Channel) bool { return flow.Link{Channel: c.ID}.String() == uri })
}

// page lists what comes after a cursor.
func page(t testing.TB, c *client.Client, cursor mcp.Cursor) *mcp.ListResourcesResult {
	t.Helper()
	var in mcp.ListResourcesRequest
	in.Params.Cursor = cursor
	out, err := c.ListResourcesByPage(t.Context(), in)
	if err != nil {
		t.Fatalf("resources/list after %q: %v", cursor, err)
	}
	return out
}

// Ten thousand channels are listed each once, in pages that the clients of others can
// walk and take.
func TestListTenThousand(t *testing.T) {
	s, _ := onPaper(10_000)
	c := inProcess(t, s)
	seen := map[string]bool{}
	pages := 0
	for cursor := mcp.Cursor(""); pages == 0 || cursor != ""; pages++ {
		out := page(t, c, cursor)
		if len(out.Resources) == 0 || len(out.Resources) > 500 {
			t.Fatalf("page %d has %d resources", pages, len(out.Resources))
		}
		for _, r := range out.Resources {
			if seen[r.URI] {
				t.Fatalf("%s is listed twice", r.URI)
			}
			seen[r.URI] = true
		}
		cursor = out.NextCursor
	}
	if len(seen) != 10_000+3 || pages > 64 {
		t.Errorf("%d resources on %d pages", len(seen), pages)
	}
	values := complete(t, c, "channelId", "CHANNEL 00")
	if len(values.Values) != 100 || values.Total != 1000+1 || !values.HasMore {
		t.Errorf("of %d completions %d are given, more %v", values.Total, len(values.Values), values.HasMore)
	}
	for _, ref := range values.Values[:2] { // those with one name
		if _, isID := flow.DecodeID(ref); !isID {
			t.Errorf("%q is completed, which two channels are called", ref)
		}
	}
}

// A channel that vanishes between two pages does not move the others.
func TestListKeepsItsPlace(t *testing.T) {
	s, p := onPaper(600)
	c := inProcess(t, s)
	first := page(t, c, "")
	p.remove(first.Resources[len(first.Resources)-1].URI)
	p.remove(first.Resources[5].URI)
	s.dir.Observe(flow.Notification{Type: flow.ChannelEvent.Type()})
	second := page(t, c, first.NextCursor)
	if got := len(first.Resources) + len(second.Resources); got != 3+600 || second.NextCursor != "" {
		t.Errorf("%d and %d resources are listed, want %d", len(first.Resources), len(second.Resources), 3+600)
	}
	for cursor, want := range map[string]int{"flow://nothing": 500, "\xff": 500, "flow://channels/~": 0} {
		out := page(t, c, mcp.Cursor(base64.StdEncoding.EncodeToString([]byte(cursor))))
		if len(out.Resources) != want {
			t.Errorf("a strange cursor %q is followed by %d resources", cursor, len(out.Resources))
		}
	}
	var in mcp.ListResourcesRequest
	in.Params.Cursor = "not base64!"
	if _, err := c.ListResourcesByPage(t.Context(), in); err == nil {
		t.Errorf("a cursor that is not base64 is taken")
	}
}

// Without a backend the list says what it lacks, and the client is told to list again
// when there is one.
func TestListWithoutBackend(t *testing.T) {
	b := &backend{}
	h := connect(t, serving(b, "ana"), handshake)
	out, err := h.ListResources(t.Context(), mcp.ListResourcesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Resources) != 3 || out.Meta == nil || out.Meta.AdditionalFields[resources.MetaIncomplete] == nil {
		t.Errorf("without a backend %d resources are listed, marked %+v", len(out.Resources), out.Meta)
	}
	b.replace(t, t.TempDir())
	h.home(t)
	h.awaitChange(t)
	if got := len(list(t, h.Client)); got != 4 {
		t.Errorf("with a backend %d resources are listed, want 4", got)
	}
}

func complete(t testing.TB, c *client.Client, variable, typed string) mcp.Completion {
	t.Helper()
	var in mcp.CompleteRequest
	in.Params.Ref = mcp.ResourceReference{Type: "ref/resource", URI: "flow://channels/{channelId}"}
	in.Params.Argument = mcp.CompleteArgument{Name: variable, Value: typed}
	out, err := c.Complete(t.Context(), in)
	if err != nil {
		t.Fatalf("complete %s %q: %v", variable, typed, err)
	}
	return out.Completion
}

func TestComplete(t *testing.T) {
	dir := t.TempDir()
	ana, ben := open(t, dir, "ana"), open(t, dir, "ben")
	home := ana.home(t)
	design := must(t, ana, flow.NewOrg, flow.NewOrgInput{Name: "Design"})
	var twins []string
	for _, name := range []string{"general", "colours", "twins", "Twins"} {
		id := must(t, ana, flow.NewChannel, flow.NewChannelInput{OrgID: design.ID, Name: name})
		if strings.EqualFold(name, "twins") {
			twins = append(twins, string(id))
		}
	}
	must(t, ana, flow.NewDirectConversation, flow.NewDirectConversationInput{OrgID: home.OrgID, MemberID: ben.home(t).AccountID})
	c := inProcess(t, ana)
	for _, test := range []struct {
		variable, typed string
		want            []string
	}{
		{"orgId", "", []string{"Design", "Home"}},
		{"orgId", "DES", []string{"Design"}},
		{"accountId", "b", []string{"ben"}},
		{"accountId", "", []string{"ana", "ben"}},
		{"channelId", "col", []string{"colours"}},
		{"channelId", "#COL", []string{"colours"}},
		{"channelId", "lour", []string{"colours"}},
		{"channelId", "gen", []string{"Design/general", "Home/general"}},
		{"channelId", "home/g", []string{"Home/general"}},
		{"channelId", "home/#g", []string{"Home/general"}},
		{"channelId", "@", []string{"@ben"}},
		{"channelId", "nothing", []string{}},
		{"messageId", "", []string{}},
	} {
		got := complete(t, c, test.variable, test.typed)
		if diff := cmp.Diff(test.want, got.Values); diff != "" {
			t.Errorf("%s %q (-want +got):\n%s", test.variable, test.typed, diff)
		}
	}
	// What is completed can be read, also where names do not tell channels apart.
	all := complete(t, c, "channelId", "").Values
	for _, id := range twins {
		if !slices.Contains(all, id) {
			t.Errorf("a channel whose name says nothing is not completed by its id: %q", all)
		}
	}
	for _, ref := range all {
		uri := flow.Link{Channel: flow.ChannelID(ref)}.String()
		if _, err := c.ReadResource(t.Context(), mcp.ReadResourceRequest{Params: mcp.ReadResourceParams{URI: uri}}); err != nil {
			t.Errorf("what was completed can be read: %v", err)
		}
	}
}
