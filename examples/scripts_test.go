//go:build unix

package examples_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

// tasks are done in this order; some follow from others.
var tasks = []task{
	{
		asked: "What did Ana decide about the launch?",
		daily: func(a *agent) string { return a.use("flow_search", args{"search": "decision", "channel": "launch"}) },
		thin: func(a *api) string {
			channel, names := a.channel("launch"), a.names()
			var found strings.Builder
			for _, hit := range obtain(a.tb, a, flow.Search, flow.SearchInput{ChannelID: channel, Search: "decision"}) {
				fmt.Fprintln(&found, "@"+names[hit.Data.SenderAccountID]+":", hit.Data.Text)
			}
			return found.String()
		},
		want: []string{"@ana: Decision: we launch on Thursday the 12th."},
	},
	{
		asked: "Tell the design channel that the build is red, and wait for an answer.",
		world: replies("ben", "design", "red", "On it, give me ten minutes."),
		daily: func(a *agent) string {
			sent := a.use("flow_send_message", args{"channel": "design", "text": "The build is red."})
			return a.use("flow_wait_for_messages", args{"channel": "design", "after_message": a.find(sent, `\[([a-z2-7]{8})\]`)})
		},
		thin: func(a *api) string {
			channel := a.channel("design")
			sent := a.send(channel, "The build is red.")
			names := a.names()
			in := flow.EnumerateEventsInput{AfterMessage: sent, WaitMilliseconds: 20_000}
			var answer []flow.Message
			for len(answer) == 0 {
				page := obtain(a.tb, a, flow.EnumerateEvents, in)
				in.After, in.AfterMessage = &page.Next, ""
				for _, n := range page.Events {
					if change, err := flow.MessageEvent.Decode(n); err == nil {
						answer = append(answer, change.RegularMessages...)
					}
				}
			}
			return "@" + names[answer[0].SenderAccountID] + ": " + answer[0].Text
		},
		want: []string{"@ben: On it, give me ten minutes."},
		done: said("lea", "design", "The build is red."),
	},
	{
		asked: "What have I missed?",
		daily: func(a *agent) string { return a.use("flow_catch_up", nil) },
		thin: func(a *api) string {
			names := a.names()
			var found strings.Builder
			for _, c := range obtain(a.tb, a, flow.EnumerateChannels, flow.EnumerateChannelsInput{OrgID: a.org()}) {
				n := obtain(a.tb, a, flow.GetUnreadCount, flow.GetUnreadCountInput{ChannelID: c.ID})
				if n == 0 {
					continue
				}
				mark := obtain(a.tb, a, flow.GetChannelReadHWM, flow.GetChannelReadHWMInput{ChannelID: c.ID})
				for _, m := range a.messages(c.ID, flow.MessageFilters{After: mark.MessageID, Limit: n}) {
					fmt.Fprintln(&found, "@"+names[m.SenderAccountID]+":", m.Text)
				}
			}
			return found.String()
		},
		want: []string{"@hugo: Who took my mug?", "@priya: Question from a customer"},
	},
	{
		asked: "Is anything waiting for me personally?",
		daily: func(a *agent) string { return a.read("flow://inbox") },
		thin: func(a *api) string {
			var found strings.Builder
			for _, hit := range a.search("@kim") {
				fmt.Fprintln(&found, hit.Data.Text)
			}
			return found.String()
		},
		want: []string{"contract number today", "export invoices as CSV"},
	},
	{
		asked: "Send report.txt to the design channel.",
		daily: func(a *agent) string {
			return a.use("flow_send_message", args{"channel": "design", "text": "The report", "files": []string{reportFile(a.tb)}})
		},
		thin: func(a *api) string {
			org, channel := a.org(), a.channel("design")
			id := obtain(a.tb, a, flow.NewAttachment, flow.NewAttachmentInput{OrgID: org, FilePath: reportFile(a.tb)})
			obtain(a.tb, a, flow.SendMessage, flow.SendMessageInput{
				ChannelID: channel, Text: "The report", Attachments: []flow.AttachmentToSend{{ID: id}},
			})
			return ""
		},
		done: said("elif", "design", "The report + report.txt"),
	},
	{
		asked: "Why did logins fail, and what was said around it?",
		daily: func(a *agent) string {
			found := a.use("flow_search", args{"search": "outage report"})
			return found + a.use("flow_enumerate_messages", args{"channel": "support", "after": a.ref(found, "Outage report"), "limit": 5})
		},
		thin: func(a *api) string {
			hit := a.search("outage report")[0].Data
			names := a.names()
			found := hit.Text
			for _, m := range a.messages(hit.ChannelID, flow.MessageFilters{After: hit.ID, Limit: 5}) {
				found += "\n@" + names[m.SenderAccountID] + ": " + m.Text
			}
			return found
		},
		want: []string{"from 09:10 to 09:42", "@grace: Cause of the outage: an expired certificate"},
	},
	{
		asked: "Is build 481 still broken?",
		daily: func(a *agent) string { return a.use("flow_search", args{"search": "build 481", "channel": "build"}) },
		thin: func(a *api) string {
			var found strings.Builder
			for _, hit := range a.search("build 481") {
				fmt.Fprintln(&found, hit.Data.Text)
			}
			return found.String()
		},
		want: []string{"Fixed the linker error of build 481"},
	},
	{
		asked: "Find the launch budget and tell me the sum.",
		daily: func(a *agent) string {
			found := a.use("flow_search", args{"search": "launch budget"})
			return a.use("flow_get_attachment", args{"attachment": a.find(found, `file "budget-2026\.csv".* id ([A-Z2-7]+)`)})
		},
		thin: func(a *api) string { return a.file(a.search("launch budget")[0].Data) },
		want: []string{"sum,14000"},
	},
	{
		asked: "Read me Ana's quote in the press notes.",
		daily: func(a *agent) string {
			found := a.use("flow_search", args{"search": "press notes", "channel": "launch"})
			return a.read("flow://attachments/" + a.find(found, `file "press-notes\.txt".* id ([A-Z2-7]+)`))
		},
		thin: func(a *api) string { return a.file(a.search("press notes")[0].Data) },
		want: []string{"we ship when it is ready"},
	},
	{
		asked: "Who is in the launch channel?",
		daily: func(a *agent) string { return a.use("flow_enumerate_peer_accounts", args{"channel": "launch"}) },
		thin: func(a *api) string {
			members := obtain(a.tb, a, flow.EnumerateChannelMembers, flow.EnumerateChannelMembersInput{ChannelID: a.channel("launch")})
			names := a.names()
			var found []string
			for _, m := range members {
				found = append(found, "@"+names[m.AccountID])
			}
			return strings.Join(found, "\n")
		},
		want: []string{"ana", "dmitri", "priya"},
	},
	{
		asked: "Write to Omar directly that the contract number is 4711.",
		daily: func(a *agent) string {
			a.use("flow_new_direct_conversation", args{"member": "@omar"})
			return a.use("flow_send_message", args{"channel": "@omar", "text": "The contract number is 4711."})
		},
		thin: func(a *api) string {
			channel := obtain(a.tb, a, flow.NewDirectConversation, flow.NewDirectConversationInput{OrgID: a.org(), MemberID: a.person("omar")})
			a.send(channel, "The contract number is 4711.")
			return ""
		},
		done: said("omar", "@kim", "The contract number is 4711."),
	},
	{
		asked: "Answer Priya's question in support: yes, under Settings.",
		daily: func(a *agent) string {
			found := a.use("flow_enumerate_messages", args{"channel": "support", "limit": 10})
			a.use("flow_send_message", args{"channel": "support", "text": "@priya yes, under Settings."})
			return found
		},
		thin: func(a *api) string {
			channel := a.channel("support")
			found := a.messages(channel, flow.MessageFilters{Limit: 10})
			a.names()
			a.send(channel, "@priya yes, under Settings.")
			return found[slices.IndexFunc(found, func(m flow.Message) bool { return strings.HasPrefix(m.Text, "Question") })].Text
		},
		want: []string{"export invoices as CSV"},
		done: said("priya", "support", "@priya yes, under Settings."),
	},
	{
		asked: "The demo is at 15:00, not 14:00: correct my message.",
		daily: func(a *agent) string {
			found := a.use("flow_enumerate_messages", args{"channel": "general", "limit": 10})
			a.use("flow_mark_messages_deleted", args{"channel": "general", "messages": []string{a.ref(found, "14:00")}})
			return a.use("flow_send_message", args{"channel": "general", "text": "The demo is on Friday at 15:00 in room 4."})
		},
		thin: func(a *api) string {
			channel := a.channel("general")
			found := a.messages(channel, flow.MessageFilters{Limit: 10})
			wrong := found[slices.IndexFunc(found, func(m flow.Message) bool { return strings.Contains(m.Text, "14:00") })]
			obtain(a.tb, a, flow.MarkMessagesDeleted, flow.MarkMessagesDeletedInput{
				ChannelID: channel, Messages: []flow.MessageRef{{MessageID: wrong.ID}},
			})
			a.send(channel, "The demo is on Friday at 15:00 in room 4.")
			return ""
		},
		done: func(tb testing.TB, w *town) {
			said("omar", "general", "The demo is on Friday at 15:00 in room 4.")(tb, w)
			if heard := strings.Join(w.hears(tb, "omar", "general"), "\n"); strings.Contains(heard, "14:00") {
				tb.Errorf("the wrong message is still there:\n%s", heard)
			}
		},
	},
	{
		asked: "Invite Nora to the launch channel and welcome her.",
		daily: func(a *agent) string {
			a.use("flow_channel_add_member", args{"channel": "launch", "member": "@nora", "member_state": "m"})
			return a.use("flow_send_message", args{"channel": "launch", "text": "Welcome @nora!"})
		},
		thin: func(a *api) string {
			channel := a.channel("launch")
			obtain(a.tb, a, flow.ChannelAddMember, flow.ChannelAddMemberInput{
				ChannelID: channel, MemberAccountID: a.person("nora"), MemberState: flow.Member,
			})
			a.send(channel, "Welcome @nora!")
			return ""
		},
		done: said("nora", "launch", "Welcome @nora!"),
	},
	{
		asked: "Make a channel for the retro with Ben and Lea, and say hello there.",
		daily: func(a *agent) string {
			a.use("flow_new_channel", args{"name": "retro"})
			a.use("flow_channel_add_member", args{"channel": "retro", "member": "@ben", "member_state": "m"})
			a.use("flow_channel_add_member", args{"channel": "retro", "member": "@lea", "member_state": "m"})
			return a.use("flow_send_message", args{"channel": "retro", "text": "Hello, the retro is on Monday."})
		},
		thin: func(a *api) string {
			channel := obtain(a.tb, a, flow.NewChannel, flow.NewChannelInput{OrgID: a.org(), Name: "retro"})
			for _, name := range []string{"ben", "lea"} {
				obtain(a.tb, a, flow.ChannelAddMember, flow.ChannelAddMemberInput{
					ChannelID: channel, MemberAccountID: a.person(name), MemberState: flow.Member,
				})
			}
			a.send(channel, "Hello, the retro is on Monday.")
			return ""
		},
		done: func(tb testing.TB, w *town) {
			for _, who := range []string{"ben", "lea"} {
				said(who, "retro", "Hello, the retro is on Monday.")(tb, w)
			}
		},
	},
	{
		asked: "Mark random as read.",
		daily: func(a *agent) string {
			found := a.use("flow_enumerate_messages", args{"channel": "random", "limit": 1})
			return a.use("flow_set_channel_read_hwm", args{"channel": "random", "message": a.ref(found, "")})
		},
		thin: func(a *api) string {
			channel := a.channel("random")
			newest := a.messages(channel, flow.MessageFilters{Limit: 1})[0]
			obtain(a.tb, a, flow.SetChannelReadHWM, flow.SetChannelReadHWMInput{ChannelID: channel, MessageID: newest.ID})
			return ""
		},
		done: func(tb testing.TB, w *town) {
			n := obtain(tb, w.as(kim), flow.GetUnreadCount, flow.GetUnreadCountInput{ChannelID: w.channel(tb, kim, "random")})
			if n != 0 {
				tb.Errorf("%d messages are unread in random", n)
			}
		},
	},
	{
		asked: "The call timed out; make sure that launch knows of the new date, but once only.",
		daily: func(a *agent) string {
			in := args{"channel": "launch", "text": "The launch is on the 12th.", "idempotency_key": "launch-date"}
			a.use("flow_send_message", in)
			return a.use("flow_send_message", in)
		},
		thin: func(a *api) string {
			channel := a.channel("launch")
			a.send(channel, "The launch is on the 12th.")
			found := a.messages(channel, flow.MessageFilters{Limit: 10}) // without a key one has to look
			return found[0].Text
		},
		done: said("carla", "launch", "The launch is on the 12th."),
	},
	{
		asked: "Summarise the last forty messages in design.",
		daily: func(a *agent) string {
			return a.use("flow_enumerate_messages", args{"channel": "design", "limit": 40})
		},
		thin: func(a *api) string {
			var found strings.Builder
			names := a.names()
			for _, m := range a.messages(a.channel("design"), flow.MessageFilters{Limit: 40}) {
				fmt.Fprintln(&found, "@"+names[m.SenderAccountID]+":", m.Text)
			}
			return found.String()
		},
		want: []string{"@ben: On it, give me ten minutes.", "The build is red."},
	},
	{
		asked: "Hand over: who are my teams, which channels are there, what was said last in launch and support?",
		daily: func(a *agent) string {
			found := a.use("flow_status", nil) + a.use("flow_enumerate_channels", nil)
			for _, channel := range []string{"launch", "support"} {
				found += a.use("flow_enumerate_messages", args{"channel": channel, "limit": 20})
			}
			return found
		},
		thin: func(a *api) string {
			org := obtain(a.tb, a, flow.EnumerateOrgs, flow.EnumerateOrgsInput{})[0]
			names := a.names()
			found := "Team " + org.Name
			for _, c := range obtain(a.tb, a, flow.EnumerateChannels, flow.EnumerateChannelsInput{OrgID: org.ID}) {
				found += "\n" + c.Name
				if c.Name == "launch" || c.Name == "support" {
					for _, m := range a.messages(c.ID, flow.MessageFilters{Limit: 20}) {
						found += "\n@" + names[m.SenderAccountID] + ": " + m.Text
					}
				}
			}
			return found
		},
		want: []string{"Team Home", "retro", "@kim: The launch is on the 12th.", "@priya: Question from a customer"},
	},
	{
		asked: "Quote the outage report with its link, and what stands next to it.",
		daily: func(a *agent) string {
			found := a.use("flow_search", args{"search": "outage report", "channel": "support"})
			return a.read("flow://channels/Home%2Fsupport/messages/" + a.ref(found, "Outage report"))
		},
		thin: func(a *api) string {
			hit := a.search("outage report")[0].Data
			newer := a.messages(hit.ChannelID, flow.MessageFilters{After: hit.ID, Limit: 5})
			older := a.messages(hit.ChannelID, flow.MessageFilters{Before: hit.ID, Limit: 5})
			a.names()
			return fmt.Sprint(hit.Text, older, newer)
		},
		want: []string{"from 09:10 to 09:42", "expired certificate"},
	},
}

// replies lets a colleague answer the next message with some words in a channel.
func replies(who, channel, words, answer string) func(testing.TB, *town) func() {
	return func(tb testing.TB, w *town) (ended func()) {
		tb.Helper()
		c, id := w.as(who), w.channel(tb, who, channel)
		cursor := obtain(tb, c, flow.EnumerateEvents, flow.EnumerateEventsInput{}).Next
		answered := make(chan error, 1)
		go func() {
			ctx, cancel := patience()
			defer cancel()
			answered <- answerTo(ctx, c, id, cursor, words, answer)
		}()
		return func() {
			if err := <-answered; err != nil {
				tb.Errorf("%s answers: %v", who, err)
			}
		}
	}
}

func answerTo(ctx context.Context, c *flow.Client, channel flow.ChannelID, after flow.Cursor, words, answer string) error {
	for {
		page, err := flow.EnumerateEvents.Call(ctx, c, flow.EnumerateEventsInput{After: &after, WaitMilliseconds: 10_000})
		if err != nil {
			return err
		}
		after = page.Next
		for _, n := range page.Events {
			change, err := flow.MessageEvent.Decode(n)
			if err != nil {
				continue // another kind of event
			}
			for _, m := range change.RegularMessages {
				if m.ChannelID == channel && strings.Contains(m.Text, words) {
					_, err := flow.SendMessage.Call(ctx, c, flow.SendMessageInput{ChannelID: channel, Text: answer})
					return err
				}
			}
		}
	}
}

// reportFile makes a file to send.
func reportFile(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "report.txt")
	if err := os.WriteFile(path, []byte("all is well\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// file brings a file of a message here and returns what it holds.
func (a *api) file(m flow.Message) string {
	a.tb.Helper()
	id := m.Attachments[0].ID
	obtain(a.tb, a, flow.StartAttachmentDownload, flow.StartAttachmentDownloadInput{AttachmentID: id, ChannelID: m.ChannelID, MessageID: m.ID})
	if _, err := flow.Fetch(a.tb.Context(), a.client, flow.StartAttachmentDownloadInput{AttachmentID: id}, nil); err != nil {
		a.tb.Fatal(err) // the model only sees that the file is there now
	}
	content, err := os.ReadFile(obtain(a.tb, a, flow.StoredAttachmentPath, flow.StoredAttachmentPathInput{AttachmentID: id}))
	if err != nil {
		a.tb.Fatal(err)
	}
	a.add("read a file", string(content))
	return string(content)
}
