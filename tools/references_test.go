package tools

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

// atlas is a backend with two teams, each of which has a channel general and one called
// Twins twice, with two other people, and with a message in each channel.
type atlas struct{}

// Identifiers have fifty-two letters.
const (
	home, drafts                              = "HOMEAAAAAA" + a40 + "AA", "DRAFTAAAAA" + a40 + "AA"
	homeGeneral, general, plans, twin1, twin2 = "HOMEGENERA" + a40 + "AA", "GENERALAAA" + a40 + "AA", "PLANSAAAAA" + a40 + "AA", "TWINAAAAAA" + a40 + "AA", "TWINBAAAAA" + a40 + "AA"
	withBen, ana, ben                         = "WITHBENAAA" + a40 + "AA", "ANAAAAAAAA" + a40 + "AA", "BENAAAAAAA" + a40 + "AA"
	a40                                       = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

var (
	teams    = []flow.Org{{ID: home, Name: "Home"}, {ID: drafts, Name: "Entwürfe"}}
	channels = []flow.Channel{
		{ID: homeGeneral, OrgID: home, Name: "general"}, {ID: general, OrgID: drafts, Name: "General"},
		{ID: plans, OrgID: drafts, Name: "plans"}, {ID: twin1, OrgID: drafts, Name: "Twins"}, {ID: twin2, OrgID: drafts, Name: "twins"},
		{ID: withBen, OrgID: drafts, Purpose: flow.DirectPurpose, DirectAccountID: ben},
	}
	peers = []flow.Peer{{AccountID: ana, Username: "ana"}, {AccountID: ben, Username: "ben"}}
)

const (
	aMessage = flow.MessageID("QJ5LZV2HRNWM7TCKXE3DUGYFAQ")
	anID     = "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZA"
)

// Call implements [flow.Caller].
func (atlas) Call(_ context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	switch method {
	case "NewSession":
		return json.RawMessage(`{"SessionID":1}`), nil
	case "AccountId":
		return json.Marshal(peers[0].AccountID)
	case "EnumerateOrgs":
		return json.Marshal(teams)
	case "EnumerateChannels":
		var in flow.EnumerateChannelsInput
		if err := json.Unmarshal(params, &in); err != nil {
			return nil, err
		}
		some := []flow.Channel{}
		for _, c := range channels {
			if c.OrgID == in.OrgID {
				some = append(some, c)
			}
		}
		return json.Marshal(some)
	case "EnumeratePeerAccounts":
		return json.Marshal(peers)
	case "EnumerateMessages":
		return json.Marshal([]flow.Message{{ID: aMessage}})
	case "GetPeer":
		return nil, flow.Errorf(flow.NotFound, "no such account")
	}
	return json.RawMessage("null"), nil
}

func (a atlas) Endpoint(context.Context) (flow.Endpoint, error) {
	return flow.Endpoint{Caller: a, Generation: 1}, nil
}

func atlasService() *service {
	client := flow.NewClient(atlas{}, flow.Setup{Username: "ana"})
	return &service{client: client, dir: flow.NewDirectory(client), log: slog.New(slog.DiscardHandler), refs: &refs{}, choice: &choice{}}
}

// Every parameter of every tool that is an identifier by its type takes names, ids and
// links, and what is in doubt is refused with the candidates.
func TestEveryReferenceTakesNamesIdsAndLinks(t *testing.T) {
	ways := map[kind]struct {
		id    string
		takes []string
		doubt map[string][]string // what is refused, and the candidates
	}{
		teamID: {drafts, []string{"Entwürfe", "ENTWU\u0308RFE", `"Entwürfe"`, flow.Link{Org: drafts}.String(), "x (" + drafts + ")"},
			map[string][]string{"Entwurf": {"Entwürfe"}, "": {"empty"}}},
		channelID: {plans, []string{
			"plans", "#Plans", "Entwürfe/plans", "Entwürfe/#plans", drafts + "/plans", drafts + "/#plans", flow.Link{Channel: plans}.String(),
			"flow://channels/Entw%C3%BCrfe%2Fplans", "flow://channels/Entw%C3%BCrfe%2F%23plans", flow.Link{Channel: plans, Message: aMessage}.String(),
		}, map[string][]string{"twins": {twin1, twin2}, "plan": {"Entwürfe/plans"}}},
		accountID: {ben, []string{"@ben", "BEN", flow.Link{Account: ben}.String()},
			map[string][]string{"@benn": {"@ben"}, "": {"empty"}}},
		messageID: {string(aMessage), []string{
			flow.Link{Channel: plans, Message: aMessage}.String(), "flow://channels/plans/messages/" + aMessage.Ref(),
		}, map[string][]string{"flow://channels/plans/messages/aaaaaaaa": {"no message [aaaaaaaa]"}, "flow://channels/plans": {"no message"}}},
		attachmentID: {anID, []string{flow.Link{Attachment: anID}.String()}, nil},
		opaqueID:     {anID, nil, nil},
	}
	s, tested := atlasService(), map[kind]int{}
	for _, tool := range every() {
		w, err := tool.works()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range w.form.fields {
			if !p.kind.reference() || p.path == nil {
				continue
			}
			way := ways[p.kind]
			tested[p.kind]++
			takes := append(way.takes, way.id)
			for _, given := range takes {
				wire, err := (&resolver{service: s}).resolve(t.Context(), w.form, giving(w.form, p, given))
				if got := at(wire, p.path); err != nil || got != way.id {
					t.Errorf("%s: %s=%q becomes %v, %v; want %s", tool.Name, p.name, given, got, err, way.id)
				}
			}
			for given, candidates := range way.doubt {
				wire, err := (&resolver{service: s}).resolve(t.Context(), w.form, giving(w.form, p, given))
				var refusal *flow.Error
				if !errors.As(err, &refusal) || !strings.HasPrefix(refusal.Message, p.name+": ") {
					t.Errorf("%s: %s=%q is taken as %v, %v", tool.Name, p.name, given, wire, err)
					continue
				}
				for _, candidate := range candidates {
					if !strings.Contains(refusal.Message, candidate) {
						t.Errorf("%s: %s=%q is refused without %q: %v", tool.Name, p.name, given, candidate, err)
					}
				}
			}
		}
	}
	for k, way := range ways {
		if tested[k] == 0 {
			t.Errorf("no tool has a parameter like %s", way.id)
		}
	}
}

// giving gives one parameter a value.
func giving(f *form, p *field, value string) map[string]any {
	args := map[string]any{p.name: value}
	if p.list {
		args[p.name] = []any{value}
	}
	for _, other := range f.fields { // of two teams none is implied
		if other.implied && other != p {
			args[other.name] = drafts
		}
	}
	return args
}

// at returns the value at a path, or the only one in the list there.
func at(wire map[string]any, path []string) any {
	for ; len(path) > 1; path = path[1:] {
		wire, _ = wire[path[0]].(map[string]any)
	}
	value := wire[path[0]]
	if list, ok := value.([]any); ok && len(list) == 1 {
		return list[0]
	}
	return value
}
