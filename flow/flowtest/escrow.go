package flowtest

import (
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var escrow = []scenario{
	{"have made-up names and passwords", escrowAccounts},
	{"are admitted by owners", escrowIsAdmitted},
	{"read what was deleted while one was there", escrowReads},
	{"read page by page", escrowPages},
	{"fetch the files of what was deleted", escrowFetches},
	{"are the only ones that read it", escrowIsAlone},
}

// escrowAccount makes an escrow account on a machine of its own.
func (n *network) escrowAccount(t *testing.T) (*person, flow.EscrowAccount) {
	t.Helper()
	s := open(t, n.process(t, "escrow"))
	made := must(t, s, flow.CreateEscrowAccount, flow.CreateEscrowAccountInput{DeviceName: "vault"})
	return started(t, s, made.Username), made
}

// deleted reads the bodies of the deleted messages of a channel, newest first.
func (p *person) deleted(t *testing.T, channel flow.ChannelID) []string {
	t.Helper()
	texts := []string{}
	for _, m := range must(t, p, flow.EnumerateDeletedMessages, flow.EnumerateDeletedMessagesInput{ChannelID: channel}) {
		texts = append(texts, m.Text)
	}
	return texts
}

func escrowAccounts(t *testing.T, n *network) {
	s := open(t, n.process(t, ""))
	key := fresh()
	made := must(t, s.Keyed(key), flow.CreateEscrowAccount, flow.CreateEscrowAccountInput{})
	if again := must(t, s.Keyed(key), flow.CreateEscrowAccount, flow.CreateEscrowAccountInput{}); again != made {
		t.Errorf("one request made two accounts")
	}
	if raw, ok := flow.DecodeID(made.Password); !ok || len(raw) != 20 {
		t.Errorf("the password has %d characters, want 32 of base32", len(made.Password))
	}
	refuse(t, s, flow.CreateEscrowAccount, flow.CreateEscrowAccountInput{}, flow.Conflict) // the session has an account
	first := started(t, s, made.Username)
	if got := must(t, first, flow.Identifier, flow.IdentifierInput{}).Username; got != made.Username {
		t.Errorf("the account is called %q, said was %q", got, made.Username)
	}
	elsewhere := open(t, n.process(t, "elsewhere"))
	must(t, elsewhere, flow.CreateDevice, flow.CreateDeviceInput{Username: made.Username, Password: made.Password})
	if started(t, elsewhere, made.Username).id != first.id {
		t.Errorf("the password leads to another account")
	}
	other, _ := n.escrowAccount(t)
	if other.name == made.Username || other.id == first.id {
		t.Errorf("two accounts are called %q", made.Username)
	}
	// It comes into no team by itself, not even that of its machine.
	home(t, n, "alice")
	at := must(t, open(t, n.process(t, "")), flow.StartUpLocal, flow.StartUpLocalInput{Username: made.Username})
	if diff := cmp.Diff(flow.Home{AccountID: first.id, Username: made.Username}, at); diff != "" {
		t.Errorf("its home (-want +got):\n%s", diff)
	}
	if got := must(t, first, flow.EnumerateOrgs, flow.EnumerateOrgsInput{}); len(got) != 0 {
		t.Errorf("it is in the teams %+v", got)
	}
	must(t, open(t, n.process(t, "")), flow.StartUp, flow.StartUpInput{Username: made.Username})
	refuse(t, open(t, n.process(t, "")), flow.CreateEscrowAccount,
		flow.CreateEscrowAccountInput{DeviceName: strings.Repeat("x", 300)}, flow.Invalid)
}

func escrowIsAdmitted(t *testing.T, n *network) {
	alice, admin, member := n.join(t, "alice"), n.join(t, "admin"), n.join(t, "member")
	org := alice.founds(t, "Team", member)
	alice.admits(t, org, admin, flow.Admin)
	vault, _ := n.escrowAccount(t)
	must(t, vault, flow.NewOrgJoinRequest, flow.NewOrgJoinRequestInput{OrgID: org})
	in := flow.OrgAddMemberInput{OrgID: org, MemberAccountID: vault.id, MemberState: flow.Member}
	refuse(t, member, flow.OrgAddMember, in, flow.Denied)
	refuse(t, admin, flow.OrgAddMember, in, flow.Denied)
	refuse(t, vault, flow.FetchDeletedMessages, flow.FetchDeletedMessagesInput{OrgID: org}, flow.NotFound)
	member.news(t)
	must(t, alice, flow.OrgAddMember, in)
	told := announced(t, member, flow.OrgMemberEvent)
	if len(told) != 1 || told[0].AccountID != vault.id {
		t.Errorf("of the escrow account the members are told %+v", told)
	}
	if got := raw(t, vault, "FetchDeletedMessages", `{"OrgID":"`+string(org)+`"}`); got != "[]" {
		t.Errorf("where nothing was deleted there is %s", got)
	}
	// Put out, it reads nothing more, and only an owner brings it back.
	general := alice.opens(t, org, "general")
	must(t, alice, flow.MarkMessagesDeleted, deletes(general, alice.send(t, general, "gone")))
	must(t, admin, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{OrgID: org, MemberAccountID: vault.id, MemberState: flow.Banned})
	refuse(t, vault, flow.EnumerateDeletedMessages, flow.EnumerateDeletedMessagesInput{ChannelID: general}, flow.NotFound)
	refuse(t, admin, flow.SetOrgMemberState,
		flow.SetOrgMemberStateInput{OrgID: org, MemberAccountID: vault.id, MemberState: flow.Member}, flow.Denied)
	must(t, alice, flow.OrgAddMember, in)
	if diff := cmp.Diff([]string{"gone"}, vault.deleted(t, general)); diff != "" {
		t.Errorf("when it is back it reads (-want +got):\n%s", diff)
	}
}

func escrowReads(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	general, quiet := alice.opens(t, org, "general", bob), alice.opens(t, org, "quiet")
	direct := alice.talksTo(t, org, bob)
	vault, _ := n.escrowAccount(t)
	early := alice.send(t, general, "deleted too early")
	must(t, alice, flow.MarkMessagesDeleted, deletes(general, early))
	alice.admits(t, org, vault, flow.Member)

	sent := must(t, bob, flow.SendMessage, flow.SendMessageInput{ChannelID: general, Text: "résumé\n", OtherData: []byte(`{"a":1}`)})
	want := bob.messages(t, general, flow.MessageFilters{})
	secret, stays := alice.send(t, direct, "between us"), alice.send(t, quiet, "stays")
	must(t, alice, flow.MarkMessagesDeleted, deletes(general, sent, sent))
	must(t, alice, flow.MarkMessagesDeleted, deletes(general, sent)) // is so already
	must(t, alice, flow.MarkMessagesDeleted, deletes(direct, secret))

	got := must(t, vault, flow.EnumerateDeletedMessages, flow.EnumerateDeletedMessagesInput{ChannelID: general})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a deleted message (-as it was +as it is read):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"between us"}, vault.deleted(t, direct)); diff != "" {
		t.Errorf("what was deleted between two people (-want +got):\n%s", diff)
	}
	if got := raw(t, vault, "EnumerateDeletedMessages", `{"ChannelID":"`+string(quiet)+`"}`); got != "[]" {
		t.Errorf("where the only message %s stays there is %s", stays, got)
	}
	places := must(t, vault, flow.FetchDeletedMessages, flow.FetchDeletedMessagesInput{OrgID: org})
	if diff := cmp.Diff([]flow.DeletedInChannel{
		{OrgID: org, ChannelID: general, Name: "general", Messages: 1},
		{OrgID: org, ChannelID: direct, Purpose: flow.DirectPurpose, Messages: 1},
	}, places); diff != "" {
		t.Errorf("where something was deleted (-want +got):\n%s", diff)
	}
	// Without an escrow account what is deleted is gone, also for one that comes later.
	must(t, vault, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{OrgID: org, MemberAccountID: vault.id, MemberState: flow.Banned})
	must(t, alice, flow.MarkMessagesDeleted, deletes(quiet, stays))
	alice.admits(t, org, vault, flow.Member)
	if got := vault.deleted(t, quiet); len(got) != 0 {
		t.Errorf("what was deleted while it was away is read as %q", got)
	}
}

func escrowPages(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	org := alice.founds(t, "Team")
	general := alice.opens(t, org, "general")
	vault, _ := n.escrowAccount(t)
	alice.admits(t, org, vault, flow.Member)
	var ids []flow.MessageID
	for _, text := range []string{"one", "two", "three", "four"} {
		ids = append(ids, alice.send(t, general, text))
	}
	must(t, alice, flow.MarkMessagesDeleted, deletes(general, ids...))
	for _, c := range []struct {
		filters flow.MessageFilters
		want    []string
	}{
		{flow.MessageFilters{Limit: 2}, []string{"four", "three"}},
		{flow.MessageFilters{Limit: 2, Before: ids[2]}, []string{"two", "one"}},
		{flow.MessageFilters{Limit: 2, After: ids[0]}, []string{"three", "two"}},
		{flow.MessageFilters{After: ids[3]}, nil},
	} {
		var got []string
		for _, m := range must(t, vault, flow.EnumerateDeletedMessages, flow.EnumerateDeletedMessagesInput{ChannelID: general, Filters: &c.filters}) {
			got = append(got, m.Text)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.filters, diff)
		}
	}
	refuse(t, vault, flow.EnumerateDeletedMessages,
		flow.EnumerateDeletedMessagesInput{ChannelID: general, Filters: &flow.MessageFilters{Limit: 1001}}, flow.Invalid)
	refuse(t, vault, flow.EnumerateDeletedMessages,
		flow.EnumerateDeletedMessagesInput{ChannelID: general, Filters: &flow.MessageFilters{Before: "NONE"}}, flow.NotFound)
}

func escrowFetches(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	vault, _ := n.escrowAccount(t)
	alice.admits(t, org, vault, flow.Member)
	path, content := file(t, "evidence.bin", 50_000)
	id := must(t, alice, flow.NewAttachment, flow.NewAttachmentInput{OrgID: org, FilePath: path})
	message := alice.sends(t, general, id)
	refuse(t, vault, flow.StartAttachmentDownload, download(general, message, id), flow.NotFound) // it is not in the channel
	must(t, alice, flow.MarkMessagesDeleted, deletes(general, message))
	await(t, alice, flow.UploadCompleteEvent) // the upload is not cut short
	for _, p := range []*person{alice, bob} {
		refuse(t, p, flow.StartAttachmentDownload, download(general, message, id), flow.NotFound)
	}
	if got := vault.path(t, id); got != "" {
		t.Errorf("before it is fetched the file lies at %q", got)
	}
	refuse(t, vault, flow.StartAttachmentDownload, download(general, message, "NONE"), flow.NotFound)
	brought := vault.fetches(t, general, message, id)
	holds(t, brought, content)
	if got := vault.path(t, id); got != brought {
		t.Errorf("the file lies at %q, announced was %q", got, brought)
	}
}

func escrowIsAlone(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	vault, _ := n.escrowAccount(t)
	alice.admits(t, org, vault, flow.Member)
	alice.invites(t, general, vault, flow.Member)
	stranger, _ := n.escrowAccount(t)
	outside := alice.opens(t, stranger.founds(t, "Elsewhere", alice), "outside")
	start := must(t, bob, flow.EnumerateEvents, flow.EnumerateEventsInput{}).Next
	message := alice.send(t, general, "unspeakable")
	must(t, alice, flow.MarkMessagesDeleted, deletes(general, message))

	for _, p := range []*person{alice, bob, n.returns(t, "bob"), vault} {
		if got := p.texts(t, general, flow.MessageFilters{}); len(got) != 0 {
			t.Errorf("%s still reads %q", p.name, got)
		}
		if got := must(t, p, flow.Search, flow.SearchInput{Search: "unspeakable"}); len(got) != 0 {
			t.Errorf("%s still finds %+v", p.name, got)
		}
		if got := must(t, p, flow.EnumerateEvents, flow.EnumerateEventsInput{After: &start, Limit: 1000}); strings.Contains(text(got.Events), "unspeakable") {
			t.Errorf("%s is still told of it", p.name)
		}
	}
	for p, code := range map[*person]flow.Code{alice: flow.Denied, bob: flow.Denied, stranger: flow.NotFound} {
		refuse(t, p, flow.FetchDeletedMessages, flow.FetchDeletedMessagesInput{OrgID: org}, code)
		refuse(t, p, flow.EnumerateDeletedMessages, flow.EnumerateDeletedMessagesInput{ChannelID: general}, code)
	}
	refuse(t, vault, flow.EnumerateDeletedMessages, flow.EnumerateDeletedMessagesInput{ChannelID: outside}, flow.NotFound)
	refuse(t, vault, flow.EnumerateDeletedMessages, flow.EnumerateDeletedMessagesInput{ChannelID: "NONE"}, flow.NotFound)
	if diff := cmp.Diff([]string{"unspeakable"}, vault.deleted(t, general)); diff != "" {
		t.Errorf("the escrow account reads (-want +got):\n%s", diff)
	}
}

// text is all that some notifications say.
func text(list flow.Notifications) string {
	var all strings.Builder
	for _, n := range list {
		all.Write(n.Data)
	}
	return all.String()
}
