package flowtest

import (
	"fmt"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var reading = []scenario{
	{"moves the mark forward only", marksMoveForward},
	{"counts what others wrote after the mark", unreadCounts},
	{"stops counting at 101, and listing at 1000", unreadIsCapped},
	{"is shared by the devices of an account alone", marksAreShared},
}

// mark returns the read mark.
func (p *person) mark(t *testing.T, channel flow.ChannelID) flow.MessageID {
	t.Helper()
	return must(t, p, flow.GetChannelReadHWM, flow.GetChannelReadHWMInput{ChannelID: channel}).MessageID
}

// marks has read up to a message.
func (p *person) marks(t *testing.T, channel flow.ChannelID, id flow.MessageID) {
	t.Helper()
	must(t, p, flow.SetChannelReadHWM, flow.SetChannelReadHWMInput{ChannelID: channel, MessageID: id})
}

// unread counts.
func (p *person) unread(t *testing.T, channel flow.ChannelID) int {
	t.Helper()
	return must(t, p, flow.GetUnreadCount, flow.GetUnreadCountInput{ChannelID: channel})
}

func marksMoveForward(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	want := flow.HWM{OrgID: org, ChannelID: general}
	if diff := cmp.Diff(want, must(t, bob, flow.GetChannelReadHWM, flow.GetChannelReadHWMInput{OrgID: org, ChannelID: general})); diff != "" {
		t.Errorf("the mark in a channel without messages (-want +got):\n%s", diff)
	}
	first, second, third := alice.send(t, general, "1"), alice.send(t, general, "2"), alice.send(t, general, "3")
	bob.marks(t, general, second)
	if got := bob.mark(t, general); got != second {
		t.Errorf("the mark is %s, want %s", got, second)
	}
	bob.news(t)
	for _, older := range []flow.MessageID{first, second} {
		bob.marks(t, general, older)
		if got := bob.mark(t, general); got != second {
			t.Errorf("the mark moved back to %s", got)
		}
	}
	if news := types(t, bob.news(t)); len(news) != 0 {
		t.Errorf("marks that did not move were announced: %v", news)
	}
	bob.marks(t, general, third)
	if got := bob.mark(t, general); got != third {
		t.Errorf("the mark is %s, want %s", got, third)
	}
	for _, id := range []flow.MessageID{"NONE", ""} {
		refuse(t, bob, flow.SetChannelReadHWM, flow.SetChannelReadHWMInput{ChannelID: general, MessageID: id}, flow.NotFound, flow.Invalid)
	}
}

func unreadCounts(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	general := alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
	quiet := alice.opens(t, alice.founds(t, "Other", bob), "quiet", bob)
	if got := bob.unread(t, general); got != 0 {
		t.Errorf("an empty channel has %d unread", got)
	}
	var ids []flow.MessageID
	for i := range 3 {
		ids = append(ids, alice.send(t, general, fmt.Sprint(i)))
	}
	mine := bob.send(t, general, "mine")
	alice.send(t, general, "last")
	for _, step := range []struct {
		read flow.MessageID
		want int
	}{{"", 4}, {ids[0], 3}, {ids[2], 1}, {mine, 1}} {
		if step.read != "" {
			bob.marks(t, general, step.read)
		}
		if got := bob.unread(t, general); got != step.want {
			t.Errorf("having read up to %q, %d are unread, want %d", step.read, got, step.want)
		}
	}
	if got := alice.unread(t, general); got != 1 {
		t.Errorf("alice, who wrote all but one, has %d unread, want 1", got)
	}
	if got := bob.unread(t, quiet); got != 0 {
		t.Errorf("another channel has %d unread", got)
	}
}

func unreadIsCapped(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	general := alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
	flood(t, alice, general, flow.UnreadCap-1)
	if got := bob.unread(t, general); got != flow.UnreadCap-1 {
		t.Errorf("of %d messages %d are unread", flow.UnreadCap-1, got)
	}
	flood(t, alice, general, flow.MaxMessages)
	if got := bob.unread(t, general); got != flow.UnreadCap {
		t.Errorf("of very many messages %d are unread, want %d", got, flow.UnreadCap)
	}
	all := must(t, bob, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: general})
	if len(all) != flow.MaxMessages {
		t.Errorf("without a limit %d messages are listed, want %d", len(all), flow.MaxMessages)
	}
	if diff := cmp.Diff(all[:3], bob.messages(t, general, flow.MessageFilters{Limit: 3})); diff != "" {
		t.Errorf("without a limit the newest are listed (-all +newest):\n%s", diff)
	}
}

// flood sends messages, many at once.
func flood(t *testing.T, p *person, channel flow.ChannelID, count int) {
	t.Helper()
	const senders = 32
	together(t, senders, func(sender int) (sent struct{}, err error) {
		for i := sender; i < count && err == nil; i += senders {
			_, err = flow.SendMessage.Call(t.Context(), p, flow.SendMessageInput{ChannelID: channel, Text: fmt.Sprint("flood ", i)})
		}
		return sent, err
	})
}

func marksAreShared(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.register(t, "bob")
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	s := open(t, n.process(t, "elsewhere"))
	must(t, s, flow.CreateDevice, flow.CreateDeviceInput{Username: "bob", Password: password})
	phone := started(t, s, "bob")
	id := alice.send(t, general, "hi")
	alice.news(t)
	bob.marks(t, general, id)
	for _, device := range []*person{bob, phone} {
		got := await(t, device, flow.HWMEvent)
		if diff := cmp.Diff([]flow.HWM{{OrgID: org, ChannelID: general, MessageID: id}}, got); diff != "" {
			t.Errorf("the mark as announced (-want +got):\n%s", diff)
		}
		if device.mark(t, general) != id || device.unread(t, general) != 0 {
			t.Errorf("a device has the mark %s and %d unread", device.mark(t, general), device.unread(t, general))
		}
	}
	if news := types(t, alice.news(t)); len(news) != 0 {
		t.Errorf("bob's mark was announced to alice: %v", news)
	}
}
