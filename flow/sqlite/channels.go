package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// channelFor returns a channel for an account that may do an operation there. The team
// need not be given; when it is, it must be the channel's.
func channelFor(ctx context.Context, q *db.Queries, self *who, method string, id flow.ChannelID, org flow.OrgID) (db.ChannelForRow, error) {
	ch, err := q.ChannelFor(ctx, self.account, id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return ch, err
	}
	if err := allow(method, "channel", flow.MemberState(ch.State)); err != nil {
		return ch, amongTwo(ch.One.Valid, err)
	}
	if org == "" || org == ch.OrgPublic {
		return ch, nil
	}
	if _, err := orgFor(ctx, q, self, beThere, org); err != nil {
		return ch, err
	}
	return ch, flow.Errorf(flow.Invalid, "the channel is in another team than OrgID says; leave OrgID out")
}

// amongTwo says of what is denied in a channel why nobody may do it when the channel is a
// direct conversation: there is no admin to ask.
func amongTwo(direct bool, err error) error {
	if direct && errors.Is(err, flow.Denied) {
		return errAlike
	}
	return err
}

var errAlike = flow.Errorf(flow.Denied, "the two in a direct conversation are members alike: neither may delete it, "+
	"limit what it keeps, delete messages of the other, or change the other's state; each may delete own messages, "+
	"and leave by setting its own state to b, until NewDirectConversation opens it again")

// channel is one of the store's channels, as membership of it is changed.
type channel struct {
	id         int64
	org        int64
	public     flow.ChannelID
	orgPublic  flow.OrgID
	name       string
	one, other person // of a direct conversation
	keeps      flow.Retention
}

// person is an account by both its names.
type person struct {
	id     int64
	public flow.AccountID
}

// object is the channel as one account sees it.
func (c channel) object(viewer int64) flow.Channel {
	o := flow.Channel{ID: c.public, OrgID: c.orgPublic, Name: c.name, Retention: c.keeps}
	if c.one.id != 0 {
		o.Purpose, o.DirectAccountID = flow.DirectPurpose, c.one.public
		if c.one.id == viewer {
			o.DirectAccountID = c.other.public
		}
	}
	return o
}

// NewChannel implements [flow.Engine].
func (e *Engine) NewChannel(ctx context.Context, call flow.Call, in flow.NewChannelInput) (flow.ChannelID, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return "", err
	}
	if err := flow.CheckName("Name", in.Name); err != nil {
		return "", err
	}
	return once(ctx, e, call, "NewChannel", string(self.id), func(t *tx) (flow.ChannelID, error) {
		org, err := orgFor(t.ctx, t.Queries, self, "NewChannel", in.OrgID)
		if err != nil {
			return "", err
		}
		if in.Unique {
			if err := t.unused(self, org, in.Name); err != nil {
				return "", err
			}
		}
		ch, err := t.newChannel(channel{org: org.ID, orgPublic: org.Public, name: in.Name})
		if err != nil {
			return "", err
		}
		return ch.public, t.setChannelState(ch, person{self.account, self.id}, flow.Admin)
	})
}

// unused refuses the name of a channel of a team that the account is in. Others do not
// count: that they are there is not for it to know.
func (t *tx) unused(self *who, org db.OrgForRow, name string) error {
	rows, err := t.ChannelsOf(t.ctx, self.account, org.ID)
	if err != nil {
		return err
	}
	name = flow.Fold(name)
	for _, r := range rows {
		if !r.One.Valid && flow.Fold(r.Name) == name {
			return flow.Errorf(flow.Conflict, "there is a channel of this name already, %q, %s: use that channel, or choose another name",
				r.Name, flow.Link{Channel: r.Public})
		}
	}
	return nil
}

// newChannel adds a channel without members.
func (t *tx) newChannel(ch channel) (channel, error) {
	ch.public = flow.ChannelID(flow.NewID())
	var err error
	ch.id, err = t.AddChannel(t.ctx, db.AddChannelParams{
		Public: ch.public, Org: ch.org, Name: ch.name,
		One: nullable(ch.one.id), Other: nullable(ch.other.id), Created: t.now,
	})
	return ch, err
}

// EnumerateChannels implements [flow.Engine].
func (e *Engine) EnumerateChannels(ctx context.Context, call flow.Call, in flow.EnumerateChannelsInput) ([]flow.Channel, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return nil, err
	}
	org, err := orgFor(ctx, e.store.read, self, "EnumerateChannels", in.OrgID)
	if err != nil {
		return nil, e.store.explain(err)
	}
	rows, err := e.store.read.ChannelsOf(ctx, self.account, org.ID)
	if err != nil {
		return nil, e.store.explain(err)
	}
	list := make([]flow.Channel, len(rows))
	folded := make(map[flow.ChannelID]string, len(rows))
	for i, r := range rows {
		list[i] = flow.Channel{ID: r.Public, OrgID: r.OrgPublic, Name: r.Name, Retention: retention(r.MaxDays, r.MaxMessages)}
		if r.One.Valid {
			list[i].Purpose, list[i].DirectAccountID = flow.DirectPurpose, flow.AccountID(r.Partner)
		}
		folded[r.Public] = flow.Fold(r.Name)
	}
	slices.SortFunc(list, func(a, b flow.Channel) int {
		return cmp.Or(cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(folded[a.ID], folded[b.ID]), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// GetChannel implements [flow.Engine].
func (e *Engine) GetChannel(ctx context.Context, call flow.Call, in flow.GetChannelInput) (flow.Channel, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return flow.Channel{}, err
	}
	row, err := channelFor(ctx, e.store.read, self, "GetChannel", in.ChannelID, "")
	if err != nil {
		return flow.Channel{}, e.store.explain(err)
	}
	ch, err := whole(ctx, e.store.read, row, in.ChannelID)
	return ch.object(self.account), e.store.explain(err)
}

// whole completes a channel with the names of its two parties.
func whole(ctx context.Context, q *db.Queries, row db.ChannelForRow, id flow.ChannelID) (channel, error) {
	ch := channel{
		id: row.ID, org: row.Org, public: id, orgPublic: row.OrgPublic, name: row.Name,
		keeps: retention(row.MaxDays, row.MaxMessages),
	}
	if !row.One.Valid {
		return ch, nil
	}
	one, err := q.AccountByID(ctx, row.One.Int64)
	if err != nil {
		return ch, err
	}
	other, err := q.AccountByID(ctx, row.Other.Int64)
	ch.one, ch.other = person{one.ID, one.Public}, person{other.ID, other.Public}
	return ch, err
}

// NewDirectConversation implements [flow.Engine].
func (e *Engine) NewDirectConversation(ctx context.Context, call flow.Call, in flow.NewDirectConversationInput) (flow.ChannelID, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return "", err
	}
	if in.MemberID == self.id {
		return "", flow.Errorf(flow.Invalid, "MemberID is your own account; a direct conversation needs another person")
	}
	return once(ctx, e, call, "NewDirectConversation", string(self.id), func(t *tx) (flow.ChannelID, error) {
		org, err := orgFor(t.ctx, t.Queries, self, "NewDirectConversation", in.OrgID)
		if err != nil {
			return "", err
		}
		them, err := t.orgMember(org.ID, in.MemberID)
		if err != nil {
			return "", err
		}
		return t.direct(org, person{self.account, self.id}, them)
	})
}

// direct returns the direct conversation of two people, and makes it if there is none: one
// opens it, and its record is the first of the history. Who had left is in it again. Both are
// members: programs take an admin for the master of their bot, or for one who may add people.
func (t *tx) direct(org db.OrgForRow, one, other person) (flow.ChannelID, error) {
	ch := channel{org: org.ID, orgPublic: org.Public, one: one, other: other}
	if one.id > other.id {
		ch.one, ch.other = other, one
	}
	row, err := t.DirectChannel(t.ctx, db.DirectChannelParams{Org: org.ID, One: nullable(ch.one.id), Other: nullable(ch.other.id)})
	switch {
	case err == nil:
		ch.id, ch.public = row.ID, row.Public
	case errors.Is(err, sql.ErrNoRows):
		if ch, err = t.newChannel(ch); err != nil {
			return "", err
		}
	default:
		return "", err
	}
	for _, who := range []person{one, other} {
		if err := t.setChannelState(ch, who, flow.Member); err != nil {
			return "", err
		}
	}
	return ch.public, nil
}

// DeleteChannel implements [flow.Engine].
func (e *Engine) DeleteChannel(ctx context.Context, call flow.Call, in flow.DeleteChannelInput) (flow.Nothing, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return flow.Nothing{}, err
	}
	return once(ctx, e, call, "DeleteChannel", string(self.id), func(t *tx) (none flow.Nothing, err error) {
		row, err := channelFor(t.ctx, t.Queries, self, "DeleteChannel", in.ChannelID, in.OrgID)
		if err != nil {
			return none, err
		}
		ch, err := whole(t.ctx, t.Queries, row, in.ChannelID)
		if err != nil {
			return none, err
		}
		home, err := t.IsHome(t.ctx, ch.id)
		if err != nil {
			return none, err
		}
		if home {
			return none, flow.Errorf(flow.Conflict,
				"this is the channel in which all accounts of this machine meet, and stays; to empty it, delete its messages or let it keep few with SetChannelRetentionPolicy")
		}
		members, err := t.ChannelMembers(t.ctx, ch.id)
		for _, m := range members {
			if err == nil {
				err = t.setChannelState(ch, person{m.ID, m.Public}, flow.Banned)
			}
		}
		if err != nil {
			return none, err
		}
		t.overdue = true // the keeper takes the messages away
		return none, t.SetCleared(t.ctx, t.seq, ch.id)
	})
}

// GetUnreadCount implements [flow.Engine].
func (e *Engine) GetUnreadCount(ctx context.Context, call flow.Call, in flow.GetUnreadCountInput) (int, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return 0, err
	}
	ch, err := channelFor(ctx, e.store.read, self, "GetUnreadCount", in.ChannelID, in.OrgID)
	if err != nil {
		return 0, e.store.explain(err)
	}
	return e.store.unreadIn(ctx, self.account, ch.ID)
}

// SetChannelReadHWM implements [flow.Engine].
func (e *Engine) SetChannelReadHWM(ctx context.Context, call flow.Call, in flow.SetChannelReadHWMInput) (flow.Nothing, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return flow.Nothing{}, err
	}
	return once(ctx, e, call, "SetChannelReadHWM", string(self.id), func(t *tx) (none flow.Nothing, err error) {
		ch, err := channelFor(t.ctx, t.Queries, self, "SetChannelReadHWM", in.ChannelID, in.OrgID)
		if err != nil {
			return none, err
		}
		message, err := messageIn(t.ctx, t.Queries, ch.ID, in.MessageID)
		if err != nil {
			return none, err
		}
		mark, err := t.ReadMark(t.ctx, self.account, ch.ID)
		if err != nil && !errors.Is(err, sql.ErrNoRows) || message.Seq <= mark.Seq {
			if errors.Is(err, sql.ErrNoRows) {
				err = nil
			}
			return none, err
		}
		return none, t.mark(self, ch, in, message.Seq, mark.Event)
	})
}

// mark moves a read mark. Its event replaces the one of the mark before.
func (t *tx) mark(self *who, ch db.ChannelForRow, in flow.SetChannelReadHWMInput, seq, before flow.Cursor) error {
	event, err := emit(t, flow.HWMEvent, audience{account: self.account},
		[]flow.HWM{{OrgID: ch.OrgPublic, ChannelID: in.ChannelID, MessageID: in.MessageID}})
	if err != nil {
		return err
	}
	t.events[len(t.events)-1].mark = readMark{ch.ID, seq}
	if before != 0 {
		if err := t.DropEvent(t.ctx, before); err != nil {
			return err
		}
	}
	return t.SetReadMark(t.ctx, db.SetReadMarkParams{Account: self.account, Channel: ch.ID, Seq: seq, Event: event})
}

// GetChannelReadHWM implements [flow.Engine].
func (e *Engine) GetChannelReadHWM(ctx context.Context, call flow.Call, in flow.GetChannelReadHWMInput) (flow.HWM, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return flow.HWM{}, err
	}
	ch, err := channelFor(ctx, e.store.read, self, "GetChannelReadHWM", in.ChannelID, in.OrgID)
	if err != nil {
		return flow.HWM{}, e.store.explain(err)
	}
	hwm := flow.HWM{OrgID: ch.OrgPublic, ChannelID: in.ChannelID}
	mark, err := e.store.read.ReadMark(ctx, self.account, ch.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return hwm, nil
	}
	hwm.MessageID = messageID(mark.Uid)
	return hwm, e.store.explain(err)
}
