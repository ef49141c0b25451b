package sqlite

import (
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

// right says who may do an operation: accounts in one of the states, in the place that
// the operation is about.
type right struct {
	method string
	place  string // team, channel or machine, which means its own team
	states string
	what   string // completes "only ... may"
}

// rights is who may do what. An operation that is not listed concerns the own account
// only, or is open to all. [mayGive] says in addition which states one may give.
var rights = []right{
	{"EnumerateOrgMembers", "team", "oam", "list its members"},
	{"EnumerateOrgMemberHistory", "team", "oam", "read its history"},
	{"EnumerateChannels", "team", "oamj", "list its channels"},
	{"NewChannel", "team", "oam", "create channels"},
	{"NewAttachment", "team", "oam", "register files"},
	{"NewDirectConversation", "team", "oam", "open direct conversations"},
	{"Search", "team", "oamj", "search it"},
	{"StartSearch", "team", "oamj", "search it"},
	{"EnumerateOrgJoinRequests", "team", "oa", "list join requests"},
	{"OrgAddMember", "team", "oa", "add members"},
	{"SetOrgMemberState", "team", "oa", "change the state of others"},
	{"OrgPreferences", "team", "oam", "read its preferences"},
	{"GetOrgPref", "team", "oam", "read its preferences"},
	{"SetOrgPreferences", "team", "oa", "set its preferences"},
	{"SetOrgPref", "team", "oa", "set its preferences"},
	{"NewAutoAddToChannelsPref", "team", "oa", "choose channels for new members"},

	{"GetOrgData", "team", "oam", "see its plan"},
	{"GetOrganizationBillingURL", "team", "oa", "see where it is paid for"},
	{"GetOrgAdminDashboardURL", "team", "oa", "see its dashboard"},

	{"SetAccountLock", "machine", "o", "lock its accounts"},
	{takeOver, "machine", "o", "claim a domain that another team has claimed"},

	{admitEscrow, "team", "o", "admit an escrow account"},
	{"FetchDeletedMessages", "team", "oam", "read what was deleted"},
	{"EnumerateDeletedMessages", "team", "oam", "read what was deleted"},
	{fetchDeleted, "team", "oam", "fetch the files of what was deleted"},
	{describeDeleted, "team", "oam", "learn of the files of what was deleted"},
	{findDeleted, "team", "oam", "find the files of what was deleted on the device"},

	{"ClaimDomain", "team", "oa", "claim domains"},
	{"SetupLDAPAccount", "team", "oa", "set up directory users"},
	{"LDAPBindResponse", "team", "oa", "check passwords"},
	{"LinkLDAPAccount", "team", "oa", "link accounts"},
	{"SetAccountLock", "team", "oa", "give names of its domain the LDAP lock, being its directory account"},
	{lockManaged, "team", "oa", "lock accounts that it manages, being its directory account"},

	{"GetChannel", "channel", "oam", "see it"},
	{"EnumerateChannelMembers", "channel", "oam", "list its members"},
	{"EnumerateChannelMemberHistory", "channel", "oam", "read its history"},
	{"EnumerateMessages", "channel", "oam", "read its messages"},
	{"Search", "channel", "oam", "search it"},
	{"StartSearch", "channel", "oam", "search it"},
	{"SearchMessageResults", "channel", "oam", "search it"},
	{"SearchMessageContext", "channel", "oam", "search it"},
	{"SendMessage", "channel", "oam", "send messages"},
	{"SendMessageWithNotification", "channel", "oam", "send messages"},
	{"EnumerateEvents", "channel", "oam", "read on behind one of its messages"},
	{"PollSearch", "channel", "oam", "count its hits"},
	{"StartAttachmentDownload", "channel", "oam", "fetch its files"},
	{"DescribeAttachment", "channel", "oam", "learn of its files"},
	{"StoredAttachmentPath", "channel", "oam", "find its files on the device"},
	{"MarkMessagesDeleted", "channel", "oam", "delete own messages"},
	{deleteOthers, "channel", "oa", "delete the messages of others"},
	{"GetUnreadCount", "channel", "oam", "count its messages"},
	{"SetChannelReadHWM", "channel", "oam", "mark it as read"},
	{"GetChannelReadHWM", "channel", "oam", "see the read mark"},
	{"ChannelAddMember", "channel", "oa", "add members"},
	{"NewAutoAddToChannelsPref", "channel", "oa", "add members"},
	{"NewChannelMemberState", "channel", "oa", "change the state of others"},
	{"SetChannelRetentionPolicy", "channel", "oa", "set what it keeps"},
	{"DeleteChannel", "channel", "oa", "delete it"},
}

// Operations that are more than one in the table.
const (
	// deleteOthers is MarkMessagesDeleted on messages of others.
	deleteOthers = "MarkMessagesDeleted of others"
	// admitEscrow is what brings an escrow account into a team, beside the right to add
	// members: from then on it reads what others have deleted.
	admitEscrow = "OrgAddMember of escrow accounts"
	// takeOver is ClaimDomain of what another team has claimed.
	takeOver = "ClaimDomain of others"
	// lockManaged is SetAccountLock on accounts that a directory manages, whose owners
	// cannot give their names up.
	lockManaged = "SetAccountLock of managed accounts"
	// fetchDeleted, describeDeleted and findDeleted are about the files of messages that were
	// deleted.
	fetchDeleted    = "StartAttachmentDownload of deleted messages"
	describeDeleted = "DescribeAttachment of deleted messages"
	findDeleted     = "StoredAttachmentPath of deleted messages"
)

// wireName is the name on the wire of what is in the table.
func wireName(method string) string {
	name, _, _ := strings.Cut(method, " of ")
	return name
}

// office is an operation for accounts of one kind. When it is in rights too, both must
// allow it.
type office struct {
	method string
	kind   flow.AccountKind
	what   string // completes "only ... may"
	how    string // one gets to be such an account
}

// offices is which operations are for accounts of one kind.
var offices = []office{
	{"FetchDeletedMessages", flow.EscrowKind, "an escrow account may read what was deleted", "CreateEscrowAccount makes one"},
	{"EnumerateDeletedMessages", flow.EscrowKind, "an escrow account may read what was deleted", "CreateEscrowAccount makes one"},
	{fetchDeleted, flow.EscrowKind, "an escrow account may fetch the files of what was deleted", "CreateEscrowAccount makes one"},
	{describeDeleted, flow.EscrowKind, "an escrow account may learn of the files of what was deleted", "CreateEscrowAccount makes one"},
	{findDeleted, flow.EscrowKind, "an escrow account may find the files of what was deleted", "CreateEscrowAccount makes one"},
	{"SetupLDAPAccount", flow.DirectoryKind, "a directory account may set up directory users", "CreateDMAccount makes one"},
	{"LDAPBindResponse", flow.DirectoryKind, "a directory account may say whether a password is right", "CreateDMAccount makes one"},
	{"LinkLDAPAccount", flow.DirectoryKind, "a directory account may link accounts", "CreateDMAccount makes one"},
}

// allowKind refuses an operation that is for accounts of another kind, and one of which the
// table says nothing.
func allowKind(method string, kind flow.AccountKind) error {
	for _, o := range offices {
		switch {
		case o.method != method:
		case o.kind != kind:
			return flow.Errorf(flow.Denied, "only %s; %s", o.what, o.how)
		default:
			return nil
		}
	}
	return flow.Errorf(flow.Denied, "%s is for no kind of account", method)
}

// bond is what keeps an account from an operation on itself.
type bond struct {
	method string
	of     bound
	what   string // is the sentence that refuses it
}

// bound are the accounts that have bonds.
type bound string

const (
	isEscrow  bound = "an escrow account"
	isManaged bound = "an account that a directory manages"
)

// bonds is which accounts may not do with themselves what others may.
var bonds = []bond{
	{"ChangeUsername", isEscrow, "an escrow account keeps its name, so that nobody takes it for somebody else"},
	{"ChangeUsername", isManaged, "a directory manages this account; its name and password are changed there"},
	{"ChangePassword", isManaged, "a directory manages this account; its name and password are changed there"},
}

// allowOwn refuses an operation on itself to an account with a bond.
func allowOwn(method string, of bound) error {
	for _, b := range bonds {
		if b.method == method && b.of == of {
			return flow.Errorf(flow.Denied, "%s", b.what)
		}
	}
	return nil
}

// asking is the state of an account whose request to join a team was not answered yet. It
// finds nothing there, but is not told that there is no such team: bots list channels as
// soon as they have asked.
const asking flow.MemberState = "j"

// freedoms are the operations that an account under the LDAP lock may do: those that
// lead out of it. A full lock leaves none.
var freedoms = map[string]bool{
	"StartUp":              true,
	"StartUpLocal":         true,
	"CreateDevice":         true,
	"AccountId":            true,
	"Identifier":           true,
	"DeviceId":             true,
	"ConfirmEmail":         true,
	"ChangeUsername":       true,
	"FetchLDAPPublicKey":   true,
	"UntrustLDAPPublicKey": true,
	"LDAPed":               true,
	"LinkToLDAP":           true,
}

// anyMethod stands for all operations that are not among the freedoms.
const anyMethod = ""

// beThere is what every member may, and no stranger.
const beThere = ""

// allow refuses an operation that an account in a state may not do. To strangers the
// place does not exist; the empty state is one.
func allow(method, place string, state flow.MemberState) error {
	stranger := flow.Errorf(flow.NotFound, "no such %s, or you are not in it", place)
	if !isIn(state) && state != asking {
		return stranger
	}
	if method == beThere && isIn(state) {
		return nil
	}
	for _, r := range rights {
		if r.method != method || r.place != place {
			continue
		}
		if strings.Contains(r.states, string(state)) {
			return nil
		}
		if !isIn(state) {
			return stranger
		}
		return flow.Errorf(flow.Denied, "only %s of the %s may %s; ask one of them", stateNames[r.states], place, r.what)
	}
	if !isIn(state) {
		return stranger
	}
	return flow.Errorf(flow.Denied, "%s is not allowed in a %s", method, place)
}

// stateNames says who is in one of several states.
var stateNames = map[string]string{"o": "owners", "oa": "owners and admins", "oam": "members"}

// rank orders the states.
func rank(state flow.MemberState) int { return strings.Index("bmao", string(state)) }

// standing is the state in which an account changes those of others in a channel. Who
// creates a channel is its admin, so this is how channels come to owners: an admin who owns
// the team counts as one.
func standing(inTeam, inChannel flow.MemberState) flow.MemberState {
	if inTeam == flow.Owner && inChannel == flow.Admin {
		return flow.Owner
	}
	return inChannel
}

// administers reports whether somebody in a state may change the states of others.
func administers(state flow.MemberState) bool { return rank(state) >= rank(flow.Admin) }

// mayGive says whether an account in state own may bring another from one state to the
// next: neither may be above its own.
func mayGive(own, from, to flow.MemberState) error {
	switch {
	case to == flow.Owner && own != flow.Owner:
		return flow.Errorf(flow.Denied, "only an owner may make an owner; ask one")
	case from != "" && rank(from) > rank(own):
		return flow.Errorf(flow.Denied, "an owner's state can only be changed by an owner; ask one")
	}
	return nil
}

// mayTake says whether an account may bring itself from one state to the next: only down.
func mayTake(from, to flow.MemberState) bool { return rank(to) < rank(from) }

func checkState(state flow.MemberState) error {
	switch state {
	case flow.Owner, flow.Admin, flow.Member, flow.Banned:
		return nil
	}
	return flow.Errorf(flow.Invalid, "MemberState must be o (owner), a (admin), m (member) or b (banned)")
}
