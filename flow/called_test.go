package flow_test

import (
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

const anasID = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// TestCalled: no two people are called the same, whatever names they take.
func TestCalled(t *testing.T) {
	w, dir := newTown()
	w.people = append(w.people,
		flow.Peer{AccountID: "A-BEN2", Username: "ben"}, flow.Peer{AccountID: "A-ME", Username: "me"},
		flow.Peer{AccountID: "A-AT", Username: "@ana"}, flow.Peer{AccountID: "A-FORGED", Username: "ana (" + anasID + ")"},
		flow.Peer{AccountID: "A-HIDDEN", Username: "zo\u200de"},
	)
	w.add(flow.Channel{ID: "C-9", OrgID: "O-1", Purpose: flow.DirectPurpose, DirectAccountID: "A-BEN2"})
	w.strangers = []flow.Peer{
		{AccountID: "A-LEFT", Username: "gone"}, {AccountID: "A-LEFT1", Username: "twin"}, {AccountID: "A-LEFT2", Username: "twin"},
		{AccountID: "A-ANA2", Username: "Ana"},
	}
	names, err := dir.Names(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[flow.AccountID]string{
		"A-ANA": "ana", "A-BEN": "Ben (A-BEN)", "A-BEN2": "ben (A-BEN2)", "A-ME": "me (A-ME)", "A-AT": "@ana (A-AT)",
		"A-FORGED": "ana (" + anasID + ") (A-FORGED)", "A-HIDDEN": "zo\u200de (A-HIDDEN)",
		"A-LEFT": "gone", "A-LEFT1": "twin", "A-LEFT2": "twin (A-LEFT2)", "A-ANA2": "Ana (A-ANA2)", "A-NOBODY": "A-NOBODY",
	} {
		for range 2 {
			if got := names.Called(t.Context(), id); got != want {
				t.Errorf("%s is called %q, want %q", id, got, want)
			}
		}
	}
	for id, want := range map[flow.ChannelID]string{
		"C-1": "general", "C-3": "twins (C-3)", "C-4": "TWINS (C-4)", "C-5": "@Ben (C-5)", "C-9": "@ben (C-9)", "C-NONE": "",
	} {
		if got := names.CalledChannel(id); got != want {
			t.Errorf("the channel %s is called %q, want %q", id, got, want)
		}
	}
}

func TestMentions(t *testing.T) {
	w, dir := newTown()
	w.people = append(w.people, flow.Peer{AccountID: "A-MARIE", Username: "Ana Marie"}, flow.Peer{AccountID: "A-MAIL", Username: "ben@example.com"})
	names, err := dir.Names(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]flow.AccountID{
		"@ana": "A-ANA", "hi @ANA, look": "A-ANA", "(@ana)": "A-ANA", "@ana.": "A-ANA", "@ana... yes": "A-ANA", "@ana's": "A-ANA",
		"@ana - look": "A-ANA", "cc/@ana": "A-ANA", "@anaX and @ana": "A-ANA", "\uff20ana!": "A-ANA", "@ana: look\n": "A-ANA",
		"done.@ana look": "A-ANA", "@ben/@nobody": "A-BEN", "@ana\U0001F389": "A-ANA",
		"@ana marie look": "A-MARIE", "@ana maries": "A-ANA", "@ben@example.com": "A-MAIL", "@ben @example.com": "A-BEN",
		"": "", "ana": "", "@": "", "@ana-lee please": "", "mail ana@ana.com": "", "write to bob@ana now": "", "@ana_x hi": "",
		"@ana.com": "", "@ana7": "", "@ana\u0301": "", "_@ana_": "", "https://example.com/@ana": "", "@ben@example.org": "",
	} {
		for _, id := range []flow.AccountID{"A-ANA", "A-BEN", "A-MARIE", "A-MAIL", "A-NOBODY"} {
			if got := names.Mentions(text, id); got != (id == want) {
				t.Errorf("that %q mentions %s is %v", text, id, got)
			}
		}
	}
	if long := strings.Repeat("@", 1<<16); names.Mentions(long, "A-ANA") {
		t.Error("nobody is mentioned in many @")
	}
}
