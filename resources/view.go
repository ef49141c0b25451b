package resources

import (
	"encoding/json"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// The documents that reads return. They are complete, and lean: an id that many entries
// share stands once. Names stand beside ids, since people and models use names.

type accountView struct {
	ID       flow.AccountID    `json:"id"`
	Username string            `json:"username"`
	Teams    []teamView        `json:"teams"`
	Backend  string            `json:"backend,omitzero"`
	Settings map[string]string `json:"settings,omitzero"`
}

type personView struct {
	ID       flow.AccountID `json:"id"`
	Username string         `json:"username"`
	Direct   []string       `json:"directConversations"`
}

type teamView struct {
	ID       flow.OrgID       `json:"id"`
	Name     string           `json:"name"`
	State    flow.MemberState `json:"state,omitzero"`
	Channels int              `json:"channels"`
	URI      string           `json:"uri"`
}

type orgView struct {
	teamView
	Members     []memberView `json:"members"`
	MemberCount int          `json:"memberCount"`
	List        []entryView  `json:"channelList"`
	Cut         string       `json:"cut,omitzero"`
}

type memberView struct {
	ID    flow.AccountID   `json:"id"`
	Name  string           `json:"name,omitzero"`
	State flow.MemberState `json:"state"`
}

// entryView is a channel in a list.
type entryView struct {
	ID     flow.ChannelID `json:"id"`
	Name   string         `json:"name"`
	Unread int            `json:"unread,omitzero"`

	UnreadOrMore bool `json:"unreadOrMore,omitzero"` // counting has stopped there
}

type channelView struct {
	placeView
	Purpose      string         `json:"purpose,omitzero"`
	Unread       int            `json:"unread"`
	UnreadOrMore bool           `json:"unreadOrMore,omitzero"` // counting has stopped there
	ReadUpTo     flow.MessageID `json:"readUpTo,omitzero"`
	Members      []memberView   `json:"members"`
	MemberCount  int            `json:"memberCount"`
	Cut          string         `json:"cut,omitzero"`
	talkView
}

// placeView says which channel, and in which team.
type placeView struct {
	ID     flow.ChannelID `json:"id"`
	Name   string         `json:"name"`
	TeamID flow.OrgID     `json:"teamId"`
	Team   string         `json:"team"`
}

// talkView is a part of a channel's history, newest first. People holds the account ids
// of the authors, by the name in From.
type talkView struct {
	Messages []messageView             `json:"messages"`
	People   map[string]flow.AccountID `json:"people"`
	Older    string                    `json:"older,omitzero"`
	Newer    string                    `json:"newer,omitzero"`
}

type messagesView struct {
	Channel placeView `json:"channel"`
	talkView
}

type messageView struct {
	ID          flow.MessageID  `json:"id"`
	From        string          `json:"from"`
	At          string          `json:"at"`
	Text        string          `json:"text"`
	OtherData   json.RawMessage `json:"otherData,omitzero"`
	Attachments []fileView      `json:"attachments,omitzero"`
}

// fileView is a file of a message, which can be read at URI.
type fileView struct {
	URI      string `json:"uri"`
	Filename string `json:"filename"`
	Size     int64  `json:"size"`
}

type oneMessageView struct {
	Channel placeView `json:"channel"`
	messageView
	Around talkView `json:"around"`
}

type inboxView struct {
	Unread   []entryView  `json:"unread"`
	ForYou   []letterView `json:"forYou"`
	Channels int          `json:"channels"`
	Cut      string       `json:"cut,omitzero"`
}

// letterView is a message that is addressed to the account.
type letterView struct {
	URI     string `json:"uri"`
	Channel string `json:"channel"`
	messageView
}

type eventsView struct {
	Events flow.Notifications `json:"events"`
	Next   flow.Cursor        `json:"next"`
	More   bool               `json:"more"`
	URI    string             `json:"nextUri"`
}

func placeOf(channel flow.Channel, names flow.Names) placeView {
	return placeView{
		ID: channel.ID, Name: names.Channel(channel.ID),
		TeamID: channel.OrgID, Team: names.Org(channel.OrgID),
	}
}

// messageOf shows a message whose author is called from.
func messageOf(m flow.Message, from string) messageView {
	v := messageView{
		ID: m.ID, From: from, Text: m.Text,
		At: time.UnixMilli(m.CreationTime).UTC().Format("2006-01-02T15:04:05.000Z"),
	}
	switch {
	case m.OtherData == "":
	case json.Valid([]byte(m.OtherData)):
		v.OtherData = json.RawMessage(m.OtherData)
	default:
		v.OtherData, _ = json.Marshal(m.OtherData) // a string always encodes
	}
	for _, a := range m.Attachments {
		v.Attachments = append(v.Attachments, fileView{flow.Link{Attachment: a.ID}.String(), a.Filename, a.Size})
	}
	return v
}
