package sqlite

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// TestProfileEventsOutliveTheOwner reads from the file what a later owner of the store
// has not in memory: the newest event of each item, once for who shares two teams.
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
	for _, content := range []string{`{"displayName":"A"}`, `{"displayName":"Ana"}`} {
		if _, err := ana.SetProfile(t.Context(), ana.call, flow.SetProfileInput{Content: content}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.close(context.Background()); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	for _, member := range []string{"one", "two"} {
		page, err := s.seat(member).EnumerateEvents(t.Context(), flow.Call{Session: 1}, flow.EnumerateEventsInput{After: new(flow.Cursor)})
		if err != nil {
			t.Fatal(err)
		}
		var got []flow.Profile
		for _, n := range page.Events {
			if n.Type == flow.ProfileEvent.Type() {
				profiles, err := flow.ProfileEvent.Decode(n)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, profiles...)
			}
		}
		want := []flow.Profile{{AccountID: ana.home.AccountID, Item: "profile", Content: `{"displayName":"Ana"}`}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("profiles in the log of %s (-want +got):\n%s", member, diff)
		}
	}
}
