package resources

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/flow-mcp/flow-mcp/flow"
)

// The most that the inbox looks at and shows.
const (
	inboxChannels = 1000 // asked for their unread count
	inboxLooked   = 50   // with unread messages, that are read for mentions
	inboxPage     = 50   // newest messages of each of those, own ones among them,
	inboxPages    = 10   // and so many times more
	inboxLetters  = 20
	inboxAtOnce   = 8 // calls under way
)

// readInbox looks at the direct conversations first, then at the channels in which
// something happened last.
func (r *Resources) readInbox(ctx context.Context) (any, error) {
	channels, names, err := r.channels(ctx)
	if err != nil {
		return nil, err
	}
	order := r.byInterest(channels)
	v := inboxView{Unread: []entryView{}, ForYou: []letterView{}, Channels: len(order)}
	if len(order) > inboxChannels {
		order = order[:inboxChannels]
		v.Cut = fmt.Sprintf("Only the %d most active of %d channels were looked at.", inboxChannels, v.Channels)
	}
	counts, err := r.unread(ctx, order)
	if err != nil {
		return nil, err
	}
	var letters []letter
	looked := 0
	for i, channel := range order {
		if counts[i] == 0 {
			continue
		}
		v.Unread = append(v.Unread, entryView{ID: channel.ID, Name: names.Org(channel.OrgID) + "/" + names.Channel(channel.ID), Unread: counts[i]})
		if looked++; looked > inboxLooked {
			v.Cut = fmt.Sprintf("Only %d channels with unread messages were searched for mentions.", inboxLooked)
			continue
		}
		found, whole, err := r.letters(ctx, channel, counts[i], names)
		if err != nil {
			return nil, err
		}
		if !whole {
			v.Cut = "Not all unread messages were searched for mentions; the channels have the older ones."
		}
		letters = append(letters, found...)
	}
	slices.SortStableFunc(letters, func(a, b letter) int { return cmp.Compare(b.CreationTime, a.CreationTime) })
	room := documentBytes
	for _, l := range letters[:min(len(letters), inboxLetters)] {
		if room -= sizeOf(l.Message); room < 0 && len(v.ForYou) > 0 {
			v.Cut = "Older messages for you do not fit; the channels have them."
			break
		}
		v.ForYou = append(v.ForYou, letterView{
			URI:         flow.Link{Channel: l.ChannelID, Message: l.ID}.String(),
			Channel:     l.channel,
			messageView: messageOf(l.Message, r.author(ctx, l.SenderAccountID, names)),
		})
	}
	return v, nil
}

// byInterest orders channels: direct conversations, then by the newest message seen.
func (r *Resources) byInterest(channels []flow.Channel) []flow.Channel {
	order := slices.Clone(channels)
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortStableFunc(order, func(a, b flow.Channel) int {
		if direct := cmp.Compare(b.Purpose, a.Purpose); direct != 0 {
			return direct
		}
		return r.touched[b.ID].Compare(r.touched[a.ID])
	})
	return order
}

// unread counts, a few channels at a time. A channel that has vanished meanwhile has none.
func (r *Resources) unread(ctx context.Context, channels []flow.Channel) ([]int, error) {
	counts := make([]int, len(channels))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(inboxAtOnce)
	for i, channel := range channels {
		group.Go(func() (err error) {
			counts[i], err = flow.GetUnreadCount.Call(ctx, r.client, flow.GetUnreadCountInput{ChannelID: channel.ID})
			if flow.CodeOf(err) == flow.NotFound {
				return nil
			}
			return err
		})
	}
	return counts, group.Wait()
}

// letter is an unread message for the account, and what its channel is called.
type letter struct {
	flow.Message
	channel string
}

// letters returns the unread messages of a channel that are for the account, newest first:
// in a direct conversation all that others wrote, elsewhere those that mention it. Whole
// is false when not all that is unread was looked at.
func (r *Resources) letters(ctx context.Context, channel flow.Channel, unread int, names flow.Names) (found []letter, whole bool, err error) {
	me, name := names.Me(), names.Channel(channel.ID)
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
			mentioned := strings.Contains(m.OtherData, string(me)) || mentions(m.Text, names.Account(me))
			if channel.Purpose == flow.DirectPurpose || mentioned {
				found = append(found, letter{m, name})
			}
		}
		if foreign == unread && unread < flow.UnreadCap {
			return found, true, nil
		}
		filters.Before = messages[len(messages)-1].ID
	}
	return found, false, nil
}

// mentions reports whether text has @ and the name in it, as a word of its own.
func mentions(text, name string) bool {
	text, name = flow.Fold(text), "@"+flow.Fold(name)
	for {
		i := strings.Index(text, name)
		if i < 0 {
			return false
		}
		text = text[i+len(name):]
		next, _ := utf8.DecodeRuneInString(text)
		if text == "" || !unicode.IsLetter(next) && !unicode.IsDigit(next) {
			return true
		}
	}
}
