package sqlite

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// TestProfileEventsOutliveTheOwner reads from the file what a later owner of the store
// has not in memory: the newest event of each item, once for who shares two teams, also
// when there is nothing else for them in a long part of the log.
func TestProfileEventsOutliveTheOwner(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ana, ben := start(t, s, "one", "ana"), start(t, s, "two", "ben")
	org, err := ana.NewOrg(t.Context(), ana.call, flow.NewOrgInput{Name: "Second"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ana.OrgAddMember(t.Context(), ana.call, flow.OrgAddMemberInput{
		OrgID: org.ID, MemberAccountID: ben.home.AccountID, MemberState: flow.Member,
	}); err != nil {
		t.Fatal(err)
	}
	alone := ana
	alone.home.ChannelID, err = ana.NewChannel(t.Context(), ana.call, flow.NewChannelInput{OrgID: org.ID, Name: "alone"})
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{`{"displayName":"A"}`, `{"displayName":"Ana"}`} {
		alone.sendMany(t, 2*logStretch, "-")
		if _, err := ana.SetProfile(t.Context(), ana.call, flow.SetProfileInput{Content: content}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.close(context.Background()); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	for _, member := range []string{"one", "two"} {
		got := profilesOf(t, user{Engine: s.seat(member), call: flow.Call{Session: 1}})
		want := []flow.Profile{{AccountID: ana.home.AccountID, Item: "profile", Content: `{"displayName":"Ana"}`, Username: "ana"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("profiles in the log of %s (-want +got):\n%s", member, diff)
		}
	}
}

// TestOnlyTheLastProfileIsInTheLog: what was removed or renamed is not told any more.
func TestOnlyTheLastProfileIsInTheLog(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ana := start(t, s, "one", "ana")
	for _, name := range []string{"anna", "hanna", "johanna"} {
		if _, err := ana.ChangeUsername(t.Context(), ana.call, flow.ChangeUsernameInput{Username: name}); err != nil {
			t.Fatal(err)
		}
	}
	for _, content := range []string{"red", "", "blue", ""} {
		if _, err := ana.SetProfile(t.Context(), ana.call, flow.SetProfileInput{Item: "colour", Content: content}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.close(context.Background()); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir) // what was told lately is in memory
	want := []flow.Profile{
		{AccountID: ana.home.AccountID, Item: "profile", Content: `{"displayName":"johanna","biography":null,"photo":null}`, Username: "johanna"},
		{AccountID: ana.home.AccountID, Item: "colour", Username: "johanna"},
	}
	if diff := cmp.Diff(want, profilesOf(t, user{Engine: s.seat("one"), call: flow.Call{Session: 1}})); diff != "" {
		t.Errorf("profiles in the log (-want +got):\n%s", diff)
	}
}

// TestRemovedProfilesMakeRoom for others.
func TestRemovedProfilesMakeRoom(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	set := func(item int, content string) error {
		_, err := ana.SetProfile(t.Context(), ana.call, flow.SetProfileInput{Item: fmt.Sprint("item", item), Content: content})
		return err
	}
	for i := range flow.MaxProfileItems {
		if err := set(i, "full"); err != nil {
			t.Fatal(err)
		}
	}
	if err := set(flow.MaxProfileItems, "full"); !errors.Is(err, flow.Conflict) {
		t.Errorf("one item too many is answered with %v", err)
	}
	if err := set(0, ""); err != nil {
		t.Fatal(err)
	}
	if err := set(flow.MaxProfileItems, "full"); err != nil {
		t.Error(err)
	}
	if err := set(0, "full"); !errors.Is(err, flow.Conflict) {
		t.Errorf("the removed item, when there is no room for it, is answered with %v", err)
	}
}

// profilesOf returns the profiles in somebody's log.
func profilesOf(t *testing.T, u user) (all []flow.Profile) {
	t.Helper()
	for after, more := flow.Cursor(0), true; more; {
		page, err := u.EnumerateEvents(t.Context(), u.call, flow.EnumerateEventsInput{After: &after, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range page.Events {
			if n.Type == flow.ProfileEvent.Type() {
				profiles, err := flow.ProfileEvent.Decode(n)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, profiles...)
			}
		}
		after, more = page.Next, page.More
	}
	return all
}
