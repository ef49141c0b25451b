package sqlite

import (
	"errors"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

// TestTalliesOfManyChannels counts in all at once, also for accounts of which it is not
// known which channels they are in.
func TestTalliesOfManyChannels(t *testing.T) {
	s := open(t, t.TempDir())
	ana, ben := start(t, s, "one", "ana"), start(t, s, "two", "ben")
	busyChannels(t, s, ana, ben, 110, 109) // from nothing to more than is counted
	_, self, err := ben.self(t.Context(), ben.call)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := s.read.AllChannelsOf(t.Context(), self.account)
	if err != nil {
		t.Fatal(err)
	}
	for i, ch := range rows {
		if err := ben.touch(t, ana, ch.Public, i%5); err != nil {
			t.Fatal(i, err)
		}
	}
	err = s.at(t.Context(), func(m moment) error {
		known := s.differ(t.Context(), m, self.account)
		s.tallies = newTallies(newHub(s.hub.end()))
		return errors.Join(known, s.differ(t.Context(), m, self.account))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// touch does one of several things to what is unread in a channel: reads all or half of it,
// writes after that or without, or has it all deleted by who wrote it.
func (u user) touch(t *testing.T, writer user, id flow.ChannelID, what int) error {
	t.Helper()
	list, err := u.EnumerateMessages(t.Context(), u.call, flow.EnumerateMessagesInput{ChannelID: id})
	if err != nil {
		return err
	}
	reads := func(i int) error {
		if len(list) == 0 {
			return nil
		}
		_, err := u.SetChannelReadHWM(t.Context(), u.call, flow.SetChannelReadHWMInput{ChannelID: id, MessageID: list[i].ID})
		return err
	}
	writes := func() error {
		_, err := u.SendMessage(t.Context(), u.call, flow.SendMessageInput{ChannelID: id, Text: "mine"})
		return err
	}
	switch what {
	case 0:
		return reads(0)
	case 1:
		return reads(len(list) / 2)
	case 2:
		return errors.Join(reads(0), writes())
	case 3:
		return writes()
	}
	in := flow.MarkMessagesDeletedInput{ChannelID: id}
	for _, m := range list {
		in.Messages = append(in.Messages, flow.MessageRef{MessageID: m.ID})
	}
	if len(list) > 0 {
		_, err = writer.MarkMessagesDeleted(t.Context(), writer.call, in)
	}
	return err
}
