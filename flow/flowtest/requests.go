package flowtest

import (
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

var requests = []scenario{
	{"make a message once", requestsSendOnce},
	{"make a message once from many processes at once", requestsRace},
	{"are refused for something else", requestsConflict},
	{"alert the same people", requestsAlertTheSame},
	{"are compared with their secrets", requestsWithSecrets},
	{"belong to the account unless they are unique", requestsAreScoped},
	{"make other writes once too", requestsOfOtherWrites},
	{"say that they were done before", requestsSayRepeated},
	{"have limits", requestLimits},
}

// fresh is a request id that nobody has used.
func fresh() flow.RequestID { return flow.RequestID(uuid.Must(uuid.NewV7()).String()) }

func requestsSendOnce(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	in := flow.SendMessageInput{ChannelID: general, Text: "once"}
	for _, key := range []flow.RequestID{fresh(), "build 4711 is red", "🦊"} {
		alice.news(t)
		first := must(t, alice.Keyed(key), flow.SendMessage, in)
		alice.send(t, general, "between")
		again := must(t, alice.Keyed(key), flow.SendMessage, in)
		elsewhere := must(t, n.returns(t, "alice").Keyed(key), flow.SendMessage, in)
		if first != again || first != elsewhere {
			t.Errorf("one request made the messages %s, %s and %s", first, again, elsewhere)
		}
		if got := types(t, alice.news(t)); len(got) != 2 {
			t.Errorf("one request and one other message were announced as %v", got)
		}
	}
	if got := len(alice.messages(t, general, flow.MessageFilters{})); got != 6 {
		t.Errorf("the channel holds %d messages, want 6", got)
	}
	// Without a request id every call is a message.
	first, second := alice.send(t, general, "twice"), alice.send(t, general, "twice")
	if first == second {
		t.Errorf("two messages have the id %s", first)
	}
}

func requestsRace(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	devices := []*person{alice, n.returns(t, "alice"), n.returns(t, "alice")}
	key := fresh()
	ids := together(t, 12, func(i int) (flow.MessageID, error) {
		return flow.SendMessage.Call(t.Context(), devices[i%len(devices)].Keyed(key),
			flow.SendMessageInput{ChannelID: general, Text: "once"})
	})
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("one request made the messages %s and %s", ids[0], id)
		}
	}
	if got := alice.texts(t, general, flow.MessageFilters{}); len(got) != 1 {
		t.Errorf("the channel holds %q", got)
	}
}

func requestsConflict(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	org := alice.founds(t, "Team")
	general, random := alice.opens(t, org, "general"), alice.opens(t, org, "random")
	key := fresh()
	must(t, alice.Keyed(key), flow.SendMessage, flow.SendMessageInput{ChannelID: general, Text: "hi"})
	refuse(t, alice.Keyed(key), flow.SendMessage, flow.SendMessageInput{ChannelID: random, Text: "hi"}, flow.Conflict)
	refuse(t, alice.Keyed(key), flow.SendMessage, flow.SendMessageInput{ChannelID: general, Text: "other"}, flow.Conflict)
	if got := alice.texts(t, random, flow.MessageFilters{}); len(got) != 0 {
		t.Errorf("a refused message was sent: %q", got)
	}
	for _, key := range []flow.RequestID{fresh(), "by hand"} {
		must(t, alice.Keyed(key), flow.NewChannel, flow.NewChannelInput{OrgID: org, Name: "third"})
		refuse(t, alice.Keyed(key), flow.NewOrg, flow.NewOrgInput{Name: "Third"}, flow.Conflict)
		text := refuse(t, n.returns(t, "alice").Keyed(key), flow.NewChannel, flow.NewChannelInput{OrgID: org, Name: "fourth"}, flow.Conflict)
		if want := "this RequestID was used for a call with other parameters; give each call its own"; text != want {
			t.Errorf("other parameters are refused with %q, want %q", text, want)
		}
		must(t, alice.Keyed(key), flow.NewChannel, flow.NewChannelInput{OrgID: org, Name: "third"})
	}
	if got := len(must(t, alice, flow.EnumerateChannels, flow.EnumerateChannelsInput{OrgID: org})); got != 4 {
		t.Errorf("the team has %d channels, want 4: a refused one was made", got)
	}
	// A request that was refused has not been used.
	key = fresh()
	refuse(t, alice.Keyed(key), flow.SendMessage, flow.SendMessageInput{ChannelID: general, Text: ""}, flow.Invalid)
	must(t, alice.Keyed(key), flow.SendMessage, flow.SendMessageInput{ChannelID: general, Text: "mended"})
}

// requestsAlertTheSame: a message does not say whom it has alerted, and is another one all
// the same when it is to alert others.
func requestsAlertTheSame(t *testing.T, n *network) {
	alice, bob, carol := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "carol")
	general := alice.opens(t, alice.founds(t, "Team", bob, carol), "general", bob, carol)
	hi := flow.SendMessageInput{ChannelID: general, Text: "hi"}
	alerting := func(who ...flow.AccountID) flow.SendMessageWithNotificationInput {
		return flow.SendMessageWithNotificationInput{SendMessageInput: hi, PushNotifyAccountIDs: who}
	}
	loud, quiet := alice.Keyed(fresh()), alice.Keyed(fresh())
	first := must(t, loud, flow.SendMessageWithNotification, alerting(bob.id))
	for _, other := range []flow.SendMessageWithNotificationInput{alerting(carol.id), alerting(bob.id, carol.id), alerting()} {
		refuse(t, loud, flow.SendMessageWithNotification, other, flow.Conflict)
	}
	refuse(t, loud, flow.SendMessage, hi, flow.Conflict)
	if again := must(t, loud, flow.SendMessageWithNotification, alerting(bob.id)); again != first {
		t.Errorf("one request made the messages %s and %s", first, again)
	}
	silent := must(t, quiet, flow.SendMessage, hi)
	refuse(t, quiet, flow.SendMessageWithNotification, alerting(bob.id), flow.Conflict)
	if again := must(t, quiet, flow.SendMessageWithNotification, alerting()); again != silent {
		t.Errorf("one request made the messages %s and %s", silent, again)
	}
	// What is deleted is not sent again either.
	must(t, alice, flow.MarkMessagesDeleted, flow.MarkMessagesDeletedInput{
		ChannelID: general, Messages: []flow.MessageRef{{MessageID: first}, {MessageID: silent}},
	})
	must(t, loud, flow.SendMessageWithNotification, alerting(bob.id))
	must(t, quiet, flow.SendMessage, hi)
	if got := alice.texts(t, general, flow.MessageFilters{}); len(got) != 0 {
		t.Errorf("the channel holds %q", got)
	}
}

// requestsWithSecrets: a password is compared like everything else.
func requestsWithSecrets(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	key := fresh()
	must(t, alice.Keyed(key), flow.ChangePassword, flow.ChangePasswordInput{NewPassword: password})
	refuse(t, alice.Keyed(key), flow.ChangePassword, flow.ChangePasswordInput{NewPassword: password + "!"}, flow.Conflict)
	desk := open(t, n.process(t, "desk"))
	refuse(t, desk, flow.CreateDevice, flow.CreateDeviceInput{Username: "alice", Password: password + "!"}, flow.Denied)
	must(t, desk, flow.CreateDevice, flow.CreateDeviceInput{Username: "alice", Password: password})
}

func requestsAreScoped(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	general := alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
	in := flow.SendMessageInput{ChannelID: general, Text: "good morning"}
	hers := must(t, alice.Keyed("monday"), flow.SendMessage, in)
	his := must(t, bob.Keyed("monday"), flow.SendMessage, in)
	if hers == his {
		t.Errorf("two accounts that use the same words made one message")
	}
	if again := must(t, bob.Keyed("monday"), flow.SendMessage, in); again != his {
		t.Errorf("bob's request made the messages %s and %s", his, again)
	}
}

func requestsOfOtherWrites(t *testing.T, n *network) {
	alice, bob := n.register(t, "alice"), n.join(t, "bob")
	orgKey, channelKey, memberKey := fresh(), fresh(), fresh()
	var orgs []flow.Org
	var channels []flow.ChannelID
	for range 2 {
		org := must(t, alice.Keyed(orgKey), flow.NewOrg, flow.NewOrgInput{Name: "Team"})
		orgs = append(orgs, org)
		channels = append(channels, must(t, alice.Keyed(channelKey), flow.NewChannel, flow.NewChannelInput{OrgID: org.ID, Name: "general"}))
		must(t, alice.Keyed(memberKey), flow.OrgAddMember, flow.OrgAddMemberInput{
			OrgID: org.ID, MemberAccountID: bob.id, MemberState: flow.Member,
		})
	}
	if diff := cmp.Diff(orgs[0], orgs[1]); diff != "" || channels[0] != channels[1] {
		t.Errorf("requests made two teams or channels %v:\n%s", channels, diff)
	}
	if got := must(t, alice, flow.EnumerateOrgs, flow.EnumerateOrgsInput{}); len(got) != 1 {
		t.Errorf("alice's teams are %+v", got)
	}
	if got := must(t, alice, flow.EnumerateChannels, flow.EnumerateChannelsInput{OrgID: orgs[0].ID}); len(got) != 1 {
		t.Errorf("the team's channels are %+v", got)
	}
	history := must(t, alice, flow.EnumerateOrgMemberHistory, flow.EnumerateOrgMemberHistoryInput{OrgID: orgs[0].ID})
	if len(history) != 2 {
		t.Errorf("the team's history is %+v", history)
	}
	// What was done once is not done again after it was undone.
	must(t, alice, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{
		OrgID: orgs[0].ID, MemberAccountID: bob.id, MemberState: flow.Banned,
	})
	must(t, alice.Keyed(memberKey), flow.OrgAddMember, flow.OrgAddMemberInput{
		OrgID: orgs[0].ID, MemberAccountID: bob.id, MemberState: flow.Member,
	})
	if got := states(t, alice, orgs[0].ID); len(got) != 1 {
		t.Errorf("a repeated request took a banned member back: %v", got)
	}
}

// requestsSayRepeated: of any number of calls with one request id one has done it, and
// all others say that they have not.
func requestsSayRepeated(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	team := alice.founds(t, "Team")
	general := alice.opens(t, team, "general")
	again := n.returns(t, "alice")
	send := func(p *person, key flow.RequestID) (flow.MessageID, bool, error) {
		ctx, receipt := flow.WithReceipt(t.Context())
		id, err := flow.SendMessage.Call(ctx, p.Keyed(key), flow.SendMessageInput{ChannelID: general, Text: "once"})
		return id, receipt.Repeated(), err
	}
	key := fresh()
	repeats := together(t, 8, func(i int) (bool, error) {
		_, repeated, err := send([]*person{alice, again}[i%2], key)
		return repeated, err
	})
	first := 0
	for _, repeated := range repeats {
		if !repeated {
			first++
		}
	}
	if first != 1 {
		t.Errorf("%d of 8 calls say that they have sent the message", first)
	}
	if _, repeated, err := send(alice, fresh()); repeated || err != nil {
		t.Errorf("another request is repeated: %v, %v", repeated, err)
	}
	other := fresh()
	for _, want := range []bool{false, true} {
		ctx, receipt := flow.WithReceipt(t.Context())
		_, err := flow.NewChannel.Call(ctx, alice.Keyed(other), flow.NewChannelInput{OrgID: team, Name: "plans"})
		if err != nil || receipt.Repeated() != want {
			t.Errorf("making a channel is repeated: %v, want %v (%v)", receipt.Repeated(), want, err)
		}
	}
}

func requestLimits(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	in := flow.SendMessageInput{ChannelID: general, Text: "hi"}
	must(t, alice.Keyed(flow.RequestID(strings.Repeat("k", 128))), flow.SendMessage, in)
	refuse(t, alice.Keyed(flow.RequestID(strings.Repeat("k", 129))), flow.SendMessage, in, flow.Invalid)
}
