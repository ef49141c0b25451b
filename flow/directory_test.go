package flow_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

// town is a backend with fixed contents, as far as a directory asks for them.
type town struct {
	mu       sync.Mutex
	channels []flow.Channel
	people   []flow.Peer

	strangers []flow.Peer
	reads     int
}

func (w *town) Call(_ context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var answer any
	switch method {
	case "Config":
		answer = flow.Backend{Name: "town"}
	case "NewSession":
		answer = flow.NewSessionOutput{SessionID: 1}
	case "StartUpLocal":
		answer = flow.Home{AccountID: "A-ANA"}
	case "EnumerateOrgs":
		w.reads++
		answer = []flow.Org{{ID: "O-1", Name: "Design"}}
	case "EnumerateChannels":
		answer = w.channels
	case "EnumeratePeerAccounts":
		answer = w.people
	case "GetPeer", "GetPeerFromID":
		var in struct {
			PeerUsername string
			PeerID       flow.AccountID
		}
		if err := json.Unmarshal(params, &in); err != nil {
			return nil, err
		}
		all := slices.Concat(w.people, w.strangers)
		i := slices.IndexFunc(all, func(p flow.Peer) bool { return p.AccountID == in.PeerID || p.Username == in.PeerUsername })
		if i < 0 {
			return nil, flow.Errorf(flow.NotFound, "Unknown account")
		}
		answer = all[i]
	default:
		return nil, flow.Errorf(flow.Unsupported, "unknown method %s", method)
	}
	return json.Marshal(answer)
}

// Endpoint makes a town its own dialer.
func (w *town) Endpoint(context.Context) (flow.Endpoint, error) {
	return flow.Endpoint{Caller: w, Generation: 1}, nil
}

func (w *town) add(ch flow.Channel) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.channels = append(w.channels, ch)
}

func newTown() (*town, *flow.Directory) {
	w := &town{people: []flow.Peer{{AccountID: "A-BEN", Username: "Ben"}, {AccountID: "A-ANA", Username: "ana"}}, channels: []flow.Channel{
		{ID: "C-1", OrgID: "O-1", Name: "general"},
		{ID: "C-2", OrgID: "O-1", Name: "Straße"},
		{ID: "C-3", OrgID: "O-1", Name: "twins"},
		{ID: "C-4", OrgID: "O-1", Name: "TWINS"},
		{ID: "C-5", OrgID: "O-1", Purpose: flow.DirectPurpose, DirectAccountID: "A-BEN"},
		{ID: "C-6", OrgID: "O-1", Name: "@ben"},
		{ID: "C-7", OrgID: "O-1", Name: "\uff20zoe"},
		{ID: "C-8", OrgID: "O-1", Name: "Design/@zoe"},
		{ID: "C-10", OrgID: "O-1", Name: "Design/general"},
		{ID: "C-11", OrgID: "O-1", Name: "#hash"},
		{ID: "C-12", OrgID: "O-1", Name: "hash"},
	}}
	return w, flow.NewDirectory(flow.NewClient(w, flow.Setup{Username: "ana"}))
}

func TestFindChannel(t *testing.T) {
	_, dir := newTown()
	for ref, want := range map[string]flow.ChannelID{
		"general":                      "C-1",
		"#General":                     "C-1",
		" GENERAL ":                    "C-1",
		"Design/general":               "C-1",
		"design/GENERAL":               "C-1",
		"C-1":                          "C-1",
		"flow://channels/C-1":          "C-1",
		"flow://channels/C-1/messages": "C-1",
		"STRASSE":                      "C-2",
		"ｇｅｎｅｒａｌ":                      "C-1",
		"@ben":                         "C-5",
		"Design/@ben":                  "C-5",
		"#@ben":                        "C-6",
		"Design/#@zoe":                 "C-7",
		"Design/Design/general":        "C-10",
		"Design/#general":              "C-1",
		"O-1/#general":                 "C-1",
		"Design/#hash":                 "C-11",
	} {
		ch, err := dir.FindChannel(t.Context(), ref)
		if err != nil || ch.ID != want {
			t.Errorf("%q: got %q, %v; want %q", ref, ch.ID, err, want)
		}
	}
}

func TestRefusedReferences(t *testing.T) {
	_, dir := newTown()
	for _, test := range []struct {
		ref  string
		code flow.Code
		says []string
	}{
		{"genral", flow.NotFound, []string{`"genral"`, "did you mean", `"Design/general"`}},
		{"twins", flow.Conflict, []string{"C-3", "C-4", "use the id"}},
		{"", flow.Invalid, []string{"empty"}},
		{"@zoe", flow.NotFound, nil},
		{"Design/@zoe", flow.NotFound, nil},
		{"zzzzzz", flow.NotFound, []string{"among the 11"}},
		{"Design/#genral", flow.NotFound, []string{`"Design/#genral"`, "did you mean", `"Design/general"`}},
		{"#hash", flow.Conflict, []string{"C-11", "C-12", "use the id"}},
	} {
		_, err := dir.FindChannel(t.Context(), test.ref)
		if !errors.Is(err, test.code) {
			t.Errorf("%q: got %v, want %v", test.ref, err, test.code)
			continue
		}
		for _, part := range test.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: %q does not say %q", test.ref, err, part)
			}
		}
	}
}

// TestAlias: "me" is whoever says it, on backends too where somebody is called so.
func TestAlias(t *testing.T) {
	w, dir := newTown()
	w.people = append(w.people, flow.Peer{AccountID: "A-ME", Username: "me"}, flow.Peer{AccountID: "A-AT", Username: "@me"})
	w.add(flow.Channel{ID: "C-9", OrgID: "O-1", Purpose: flow.DirectPurpose, DirectAccountID: "A-ME"})
	for _, ref := range []string{"me", "@me", " ME ", "\uff20me", "m\u200de"} {
		if p, err := dir.FindAccount(t.Context(), ref); err != nil || p.AccountID != "A-ANA" {
			t.Errorf("%q: got %q, %v; want the own account", ref, p.AccountID, err)
		}
		if ch, err := dir.FindChannel(t.Context(), ref); !errors.Is(err, flow.NotFound) {
			t.Errorf("the channel %q: got %q, %v; want none", ref, ch.ID, err)
		}
	}
	for ref, want := range map[string]flow.AccountID{"A-ME": "A-ME", "@@me": "A-AT"} {
		if p, err := dir.FindAccount(t.Context(), ref); err != nil || p.AccountID != want {
			t.Errorf("%q: got %q, %v; want %q", ref, p.AccountID, err, want)
		}
	}
	if ch, err := dir.FindChannel(t.Context(), "#@me"); err != nil || ch.ID != "C-9" {
		t.Errorf("the conversation with somebody called me: got %q, %v", ch.ID, err)
	}
	got, err := dir.CompleteAccount(t.Context(), "me")
	if want := []string{"@@me", "A-ME"}; err != nil || !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("me is completed to %q, %v; want %q", got, err, want)
	}
}

func TestFindAccount(t *testing.T) {
	_, dir := newTown()
	for ref, want := range map[string]flow.AccountID{"me": "A-ANA", "@me": "A-ANA", "Ana": "A-ANA", "@BEN": "A-BEN", "A-BEN": "A-BEN"} {
		p, err := dir.FindAccount(t.Context(), ref)
		if err != nil || p.AccountID != want {
			t.Errorf("%q: got %q, %v; want %q", ref, p.AccountID, err, want)
		}
	}
}

// TestDirectoryLearns: a name that is missing is looked for once more, and otherwise
// nothing is read again until something has changed.
func TestDirectoryLearns(t *testing.T) {
	w, dir := newTown()
	for range 5 {
		if _, err := dir.FindChannel(t.Context(), "general"); err != nil {
			t.Fatal(err)
		}
	}
	if w.reads != 1 {
		t.Errorf("five look-ups read the backend %d times, want 1", w.reads)
	}
	w.add(flow.Channel{ID: "C-9", OrgID: "O-1", Name: "brand new"})
	if ch, err := dir.FindChannel(t.Context(), "brand new"); err != nil || ch.ID != "C-9" {
		t.Errorf("a channel made a moment ago: got %q, %v", ch.ID, err)
	}
	dir.Observe(flow.MessageEvent.Make(1, flow.MessageChange{}))
	reads := w.reads
	if _, err := dir.Channels(t.Context()); err != nil || w.reads != reads {
		t.Errorf("a plain message made the directory read again (%v)", err)
	}
	dir.Observe(flow.ChannelEvent.Make(2, []flow.Channel{{ID: "C-1"}}))
	if _, err := dir.Channels(t.Context()); err != nil || w.reads != reads+1 {
		t.Errorf("a changed channel did not make it read again (%v)", err)
	}
	for item, more := range map[string]int{"status": 0, flow.ProfileItem: 1} { // only the latter tells of new names
		reads := w.reads
		dir.Observe(flow.ProfileEvent.Make(3, []flow.Profile{{AccountID: "A-BEN", Item: item}}))
		if _, err := dir.Peers(t.Context()); err != nil || w.reads != reads+more {
			t.Errorf("after the item %s the directory read %d times, want %d (%v)", item, w.reads-reads, more, err)
		}
	}
}
