package resources

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// The most that the inbox looks at and shows.
const (
	inboxLooked  = 50 // channels with unread messages, that are read for mentions
	inboxPage    = 50 // newest messages of each of those, own ones among them,
	inboxPages   = 10 // and so many times more
	inboxLetters = 20
)

// readInbox looks at the direct conversations first, then at the channels in which
// something happened last.
func (r *Resources) readInbox(ctx context.Context) (any, error) {
	names, err := r.names(ctx)
	if err != nil {
		return nil, err
	}
	reading, aside := flow.ReadAside(ctx) // most of what is looked at is not shown
	channels, err := r.client.Survey(reading, "")
	if err != nil {
		return nil, err
	}
	r.sortByInterest(channels)
	v := inboxView{Unread: []entryView{}, ForYou: []letterView{}, Channels: len(channels)}
	var letters []letter
	looked := 0
	for _, channel := range channels {
		if channel.UnreadCount == 0 {
			continue
		}
		if looked++; looked > maxListed {
			v.Cut = fmt.Sprintf("Only the first %d channels with unread messages are listed, and %d of them were searched for mentions.", maxListed, inboxLooked)
			break
		}
		name := r.called(ctx, channel.Channel, names)
		v.Unread = append(v.Unread, entryView{
			ID: channel.ID, Name: names.Org(channel.OrgID) + "/" + name,
			Unread: channel.UnreadCount, UnreadOrMore: channel.UnreadCount >= flow.UnreadCap,
		})
		if looked > inboxLooked {
			v.Cut = fmt.Sprintf("Only %d channels with unread messages were searched for mentions.", inboxLooked)
			continue
		}
		found, whole, err := r.letters(reading, channel.Channel, channel.UnreadCount, names)
		if err != nil {
			return nil, err
		}
		if !whole {
			v.Cut = "Not all unread messages were searched for mentions; the channels have the older ones."
		}
		for _, m := range found {
			letters = append(letters, letter{m, name})
		}
	}
	slices.SortStableFunc(letters, func(a, b letter) int { return cmp.Compare(b.CreationTime, a.CreationTime) })
	room := documentBytes
	for _, l := range letters[:min(len(letters), inboxLetters)] {
		if room -= sizeOf(l.Message); room < 0 && len(v.ForYou) > 0 {
			v.Cut = "Older messages for you do not fit; the channels have them."
			break
		}
		aside.Show(l.Message)
		v.ForYou = append(v.ForYou, letterView{
			URI:         flow.Link{Channel: l.ChannelID, Message: l.ID}.String(),
			Channel:     l.channel,
			messageView: messageOf(l.Message, names.Called(ctx, l.SenderAccountID)),
		})
	}
	return v, nil
}

// sortByInterest puts direct conversations first, then what has the newest message.
func (r *Resources) sortByInterest(channels []flow.ChannelState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	newest := func(ch flow.ChannelState) time.Time {
		if ch.LastMessage == nil {
			return r.touched[ch.ID] // for all that is known
		}
		return time.UnixMilli(ch.LastMessage.CreationTime)
	}
	slices.SortStableFunc(channels, func(a, b flow.ChannelState) int {
		return cmp.Or(cmp.Compare(b.Purpose, a.Purpose), newest(b).Compare(newest(a)))
	})
}

// called returns what a channel is called, also one that the directory does not know yet.
func (r *Resources) called(ctx context.Context, channel flow.Channel, names flow.Names) string {
	name := names.CalledChannel(channel.ID)
	switch {
	case name != "":
		return name
	case channel.Purpose == flow.DirectPurpose:
		return "@" + names.Called(ctx, channel.DirectAccountID)
	}
	return channel.Name
}

// letter is an unread message for the account, and what its channel is called.
type letter struct {
	flow.Message
	channel string
}

// letters returns the unread messages of a channel that are for the account, newest first:
// in a direct conversation all that others wrote, elsewhere those that mention it. Whole
// is false when not all that is unread was looked at.
func (r *Resources) letters(ctx context.Context, channel flow.Channel, unread int, names flow.Names) (found []flow.Message, whole bool, err error) {
	me := names.Me()
	filters := flow.MessageFilters{Limit: inboxPage}
	foreign := 0
	for range inboxPages {
		messages, err := r.messages(ctx, channel.ID, filters)
		if flow.CodeOf(err) == flow.NotFound || err == nil && len(messages) == 0 {
			return found, true, nil
		}
		if err != nil {
			return nil, false, err
		}
		for _, m := range messages {
			if m.SenderAccountID == me {
				continue
			}
			if foreign++; foreign > unread {
				return found, unread < flow.UnreadCap, nil
			}
			mentioned := strings.Contains(m.OtherData, string(me)) || names.Mentions(m.Text, me)
			if channel.Purpose == flow.DirectPurpose || mentioned {
				found = append(found, m)
			}
		}
		if foreign == unread && unread < flow.UnreadCap {
			return found, true, nil
		}
		filters.Before = messages[len(messages)-1].ID
	}
	return found, false, nil
}
