package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"strconv"
	"strings"
	"unicode"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// What the team of a machine and its channel are called.
const (
	homeTeam    = "Home"
	homeChannel = "general"
)

var (
	errUnknownAccount = flow.Errorf(flow.NotFound, "Unknown account")
	errTaken          = flow.Errorf(flow.Conflict, "an account is started on this session already; open a new session for this one")
)

// StartUp implements [flow.Engine].
func (e *Engine) StartUp(ctx context.Context, call flow.Call, in flow.StartUpInput) (flow.Nothing, error) {
	s, err := e.session(ctx, call)
	if err != nil {
		return flow.Nothing{}, err
	}
	home, err := e.home(ctx)
	if err != nil {
		return flow.Nothing{}, err
	}
	return flow.Nothing{}, e.start(ctx, s, func(t *tx) (db.Account, int64, error) {
		account, err := t.AccountByName(t.ctx, serverOf(in.ServerURI), flow.Fold(in.Username))
		if err != nil {
			return account, 0, orUnknown(err)
		}
		if err := permit(account.Lock, "StartUp"); err != nil {
			return account, 0, err
		}
		device, err := t.DeviceAt(t.ctx, account.ID, home)
		if err == nil && !device.Authorized {
			err = errRevoked
		}
		return account, device.ID, orUnknown(err)
	})
}

func orUnknown(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return errUnknownAccount
	}
	return err
}

// start makes the account and device that find returns those of a session. It may be
// repeated with the same account.
func (e *Engine) start(ctx context.Context, s *session, find func(*tx) (db.Account, int64, error)) error {
	others := e.store.sessions.all()
	err := e.store.change(ctx, func(t *tx) error {
		account, device, err := find(t)
		if err != nil {
			return err
		}
		for _, one := range others { // the device's place is the most advanced of its sessions
			if self := one.self.Load(); self == nil || self.device != device {
				continue
			}
			if err := one.save(t); err != nil {
				return err
			}
		}
		return t.bind(s, account.ID, device)
	})
	if err != nil {
		return err
	}
	return e.store.resume(ctx, s)
}

// bind writes the account and device of a session into its row. The session begins at
// the place of its device in the log.
func (t *tx) bind(s *session, account, device int64) error {
	row, err := t.SessionByID(t.ctx, s.key.member, s.key.id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return errUnknownSession
	case err != nil:
		return err
	case row.Account.Valid && row.Account.Int64 == account:
		return nil
	case row.Account.Valid:
		return flow.Errorf(flow.Conflict, "another account is started on this session; open a new session for this one")
	}
	d, err := t.DeviceByID(t.ctx, device)
	if err != nil {
		return err
	}
	return t.StartSession(t.ctx, db.StartSessionParams{
		Account: nullable(account), Device: nullable(device), Cursor: d.Cursor,
		Member: s.key.member, ID: s.key.id,
	})
}

// vacant refuses to make an account or device for a session that has one.
func (t *tx) vacant(s *session) error {
	row, err := t.SessionByID(t.ctx, s.key.member, s.key.id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return errUnknownSession
	case err == nil && row.Account.Valid:
		return errTaken
	}
	return err
}

// StartUpLocal implements [flow.Engine]. Many processes may do it at once: they all end
// up with the same account, team and channel.
func (e *Engine) StartUpLocal(ctx context.Context, call flow.Call, in flow.StartUpLocalInput) (flow.Home, error) {
	s, err := e.session(ctx, call)
	if err != nil {
		return flow.Home{}, err
	}
	if err := flow.CheckUsername("Username", in.Username); err != nil {
		return flow.Home{}, err
	}
	if err := checkLabel("DeviceName", in.DeviceName); err != nil {
		return flow.Home{}, err
	}
	home, err := e.home(ctx)
	if err != nil {
		return flow.Home{}, err
	}
	var out flow.Home
	err = e.start(ctx, s, func(t *tx) (db.Account, int64, error) {
		if in.Existing {
			account, device, err := t.existingAccount(in, home)
			if err != nil {
				return account, 0, err
			}
			out, err = t.presentHome(account, home)
			return account, device, err
		}
		account, device, created, err := t.localAccount(in, home)
		if err != nil {
			return account, 0, err
		}
		joined, err := t.joinHome(account, home)
		joined.Created = created
		out = joined
		return account, device, err
	})
	if err != nil {
		return flow.Home{}, err // out may still be written to when ctx has ended
	}
	return out, nil
}

// localAccount returns the account of a name and its device on a machine, and makes
// what is missing.
func (t *tx) localAccount(in flow.StartUpLocalInput, home string) (account db.Account, device int64, created bool, err error) {
	label := in.DeviceName
	if label == "" {
		label = "flow-mcp"
	}
	made := newDevice{home: home, name: label, platform: runtime.GOOS}
	account, err = t.meant(in)
	if errors.Is(err, sql.ErrNoRows) {
		account, err = t.newAccount(db.Account{Server: defaultServer, Username: in.Username})
		if err == nil {
			device, _, err = t.newDevice(account.ID, made)
		}
		return account, device, true, err
	}
	if err != nil {
		return account, 0, false, err
	}
	if err := permit(account.Lock, "StartUpLocal"); err != nil {
		return account, 0, false, err
	}
	row, err := t.DeviceAt(t.ctx, account.ID, home)
	switch {
	case err == nil && !row.Authorized:
		return account, 0, false, errRevoked
	case !errors.Is(err, sql.ErrNoRows):
		return account, row.ID, false, err
	case account.Verifier != "":
		return account, 0, false, flow.Errorf(flow.Denied,
			"the account %q has a password and no device on this machine; add this machine with CreateDevice", account.Username)
	}
	device, _, err = t.newDevice(account.ID, made)
	return account, device, false, err
}

// meant returns the account that a program wants to start.
func (t *tx) meant(in flow.StartUpLocalInput) (db.Account, error) {
	account, err := t.AccountByPublic(t.ctx, in.AccountID)
	if errors.Is(err, sql.ErrNoRows) {
		account, err = t.AccountByName(t.ctx, defaultServer, flow.Fold(in.Username))
	}
	return account, err
}

// existingAccount returns the account of a name and its device on a machine, and makes
// nothing.
func (t *tx) existingAccount(in flow.StartUpLocalInput, home string) (db.Account, int64, error) {
	account, err := t.meant(in)
	if err == nil {
		if err := permit(account.Lock, "StartUpLocal"); err != nil {
			return account, 0, err
		}
		device, failed := t.DeviceAt(t.ctx, account.ID, home)
		if failed == nil && !device.Authorized {
			failed = errRevoked
		}
		if !errors.Is(failed, sql.ErrNoRows) {
			return account, device.ID, failed
		}
		err = failed
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = t.noAccount(in.Username, home)
	}
	return account, 0, err
}

// noAccount says that an account is not on a machine, and which are.
func (t *tx) noAccount(name, home string) error {
	rows, err := t.LocalAccounts(t.ctx, home)
	if err != nil {
		return err
	}
	const most = 8
	var others []string
	for _, r := range rows[:min(len(rows), most)] {
		others = append(others, strconv.Quote(clip(r.Username)))
	}
	known := ""
	if len(others) > 0 {
		known = "; there are " + strings.Join(others, ", ")
	}
	return flow.Errorf(flow.NotFound, "no account is called %q on this machine, and a program that only reads makes none; %s makes it%s",
		clip(name), joining(name), known)
}

// joining is the command that makes an account.
func joining(name string) string {
	odd := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-", r)
	}
	if strings.ContainsFunc(name, odd) || strings.HasPrefix(name, "-") {
		return "flow-mcp join with that --account" // a shell might take it for something else
	}
	return "flow-mcp join --account " + name
}

// presentHome returns the team and the channel of a machine, as far as the account is there.
func (t *tx) presentHome(account db.Account, home string) (flow.Home, error) {
	out := flow.Home{AccountID: account.Public, Username: account.Username}
	place, err := t.HomeOf(t.ctx, home)
	if errors.Is(err, sql.ErrNoRows) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	err = t.fillHome(&out, account, place)
	return out, err
}

// fillHome names the team and the channel of a machine where the account is in them.
func (t *tx) fillHome(out *flow.Home, account db.Account, place db.HomeOfRow) error {
	team, err := t.OrgMember(t.ctx, place.Org, account.ID)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !isIn(team.State) {
		return nil
	}
	if err != nil {
		return err
	}
	out.OrgID = place.OrgPublic
	there, err := t.ChannelMember(t.ctx, place.Channel, account.ID)
	if err == nil && isIn(there.State) {
		out.ChannelID = place.ChannelPublic
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return err
}

// joinHome puts an account into the team and channel of a machine, unless it has been
// there before. The first one makes them. Accounts of programs have no home: others let
// them into teams.
func (t *tx) joinHome(account db.Account, home string) (flow.Home, error) {
	self := person{account.ID, account.Public}
	out := flow.Home{AccountID: account.Public, Username: account.Username}
	if account.Kind != flow.OrdinaryAccount {
		return out, nil
	}
	place, err := t.HomeOf(t.ctx, home)
	if errors.Is(err, sql.ErrNoRows) {
		org, ch, err := t.newHome(home, self)
		out.OrgID, out.ChannelID = org.Public, ch.public
		return out, err
	}
	if err != nil {
		return out, err
	}
	_, err = t.OrgMember(t.ctx, place.Org, self.id)
	if errors.Is(err, sql.ErrNoRows) { // otherwise it is in, or has left
		err = t.enterHome(self, place)
	}
	if err != nil {
		return out, err
	}
	err = t.fillHome(&out, account, place)
	return out, err
}

// enterHome makes an account a member of the team and channel of a machine. A channel that
// all have left has an admin in whoever comes then.
func (t *tx) enterHome(self person, place db.HomeOfRow) error {
	org, err := t.OrgFor(t.ctx, self.id, place.OrgPublic)
	if err != nil {
		return err
	}
	if err := t.setOrgState(org, self, flow.Member); err != nil {
		return err
	}
	row, err := t.ChannelByID(t.ctx, place.Channel)
	if err != nil {
		return err
	}
	ch := channel{
		id: row.ID, org: row.Org, public: row.Public, orgPublic: row.OrgPublic, name: row.Name,
		keeps: retention(row.MaxDays, row.MaxMessages),
	}
	others, err := t.ChannelMembers(t.ctx, ch.id)
	if err != nil {
		return err
	}
	state := flow.Member
	if len(others) == 0 {
		state = flow.Admin
	}
	return t.setChannelState(ch, self, state)
}

func (t *tx) newHome(home string, self person) (org db.OrgForRow, ch channel, err error) {
	if org, err = t.newOrg(homeTeam, true); err != nil {
		return org, ch, err
	}
	if err = t.setOrgState(org, self, flow.Owner); err != nil {
		return org, ch, err
	}
	if ch, err = t.newChannel(channel{org: org.ID, orgPublic: org.Public, name: homeChannel}); err != nil {
		return org, ch, err
	}
	if err = t.setChannelState(ch, self, flow.Admin); err != nil {
		return org, ch, err
	}
	return org, ch, t.AddHome(t.ctx, db.AddHomeParams{Home: home, Org: org.ID, Channel: ch.id})
}
