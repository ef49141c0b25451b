package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"unicode/utf8"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// shelf is where preferences lie: those of an account or of a team, or the opaque ones of
// a team.
type shelf struct {
	kind  string
	owner int64
}

func accountShelf(account int64) shelf { return shelf{"account", account} }
func orgShelf(org int64) shelf         { return shelf{"org", org} }
func opaqueShelf(org int64) shelf      { return shelf{"opaque", org} }

// preferenceChange is what SetOrgPreferences and SetAccountPreferences ask for.
type preferenceChange struct {
	set   flow.Preferences
	clear []string
}

// newPreferenceChange reads the parameters of such a call.
func newPreferenceChange(raw json.RawMessage, clear []string) (preferenceChange, error) {
	c := preferenceChange{clear: clear}
	if len(raw) == 0 {
		raw = json.RawMessage("null")
	}
	if !utf8.Valid(raw) || json.Unmarshal(raw, &c.set) != nil {
		return c, flow.Errorf(flow.Invalid, `Preferences must be a JSON object of items by name, such as {"muteChannels":[]}`)
	}
	if len(c.set) > flow.MaxPreferences || len(clear) > flow.MaxPreferences {
		return c, flow.Errorf(flow.Invalid, "Preferences and ClearPreferences may name %d items each", flow.MaxPreferences)
	}
	for name, value := range c.set {
		var compact bytes.Buffer
		if err := json.Compact(&compact, value); err != nil {
			return c, flow.Errorf(flow.Invalid, "Preferences: %q is no JSON", clip(name))
		}
		c.set[name] = compact.Bytes()
		if err := checkPreference(name, compact.Bytes()); err != nil {
			return c, err
		}
		if slices.Contains(clear, name) {
			return c, flow.Errorf(flow.Invalid, "the item %q is to be set and to be cleared; do one of both", clip(name))
		}
	}
	return c, nil
}

func checkPreference(name string, value []byte) error {
	if err := flow.CheckName("the name of an item in Preferences", name); err != nil {
		return err
	}
	if len(value) > flow.MaxPreference {
		return flow.Errorf(flow.Invalid, "the item %q has %d bytes and %d are allowed", clip(name), len(value), flow.MaxPreference)
	}
	return nil
}

// setPreferences changes what lies on a shelf.
func (t *tx) setPreferences(s shelf, c preferenceChange) error {
	for _, name := range c.clear {
		if err := t.DropPreference(t.ctx, db.DropPreferenceParams{Kind: s.kind, Owner: s.owner, Name: name}); err != nil {
			return err
		}
	}
	for name, value := range c.set {
		if err := t.setPreference(s, name, string(value)); err != nil {
			return err
		}
	}
	return t.checkShelf(s)
}

func (t *tx) setPreference(s shelf, name, value string) error {
	return t.SetPreference(t.ctx, db.SetPreferenceParams{Kind: s.kind, Owner: s.owner, Name: name, Value: value})
}

// checkShelf refuses what has just been put onto a full shelf.
func (t *tx) checkShelf(s shelf) error {
	n, err := t.CountPreferences(t.ctx, s.kind, s.owner)
	if err == nil && n > flow.MaxPreferences {
		err = flow.Errorf(flow.Conflict, "there would be more than %d preferences; clear some that are not needed", flow.MaxPreferences)
	}
	return err
}

// preferences reads all that lies on a shelf.
func (s *store) preferences(ctx context.Context, on shelf) (flow.Preferences, error) {
	rows, err := s.read.Preferences(ctx, on.kind, on.owner)
	all := make(flow.Preferences, len(rows))
	for _, r := range rows {
		all[r.Name] = json.RawMessage(r.Value)
	}
	return all, s.explain(err)
}

// preference reads one item. It reports false when there is none.
func preference(ctx context.Context, q *db.Queries, s shelf, name string) (string, bool, error) {
	value, err := q.Preference(ctx, db.PreferenceParams{Kind: s.kind, Owner: s.owner, Name: name})
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return value, err == nil, err
}

// SetOrgPreferences implements [flow.Engine].
func (e *Engine) SetOrgPreferences(ctx context.Context, call flow.Call, in flow.SetOrgPreferencesInput) (flow.Nothing, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return flow.Nothing{}, err
	}
	c, err := newPreferenceChange(in.Preferences, in.ClearPreferences)
	if err != nil {
		return flow.Nothing{}, err
	}
	return once(ctx, e, call, "SetOrgPreferences", string(self.id), func(t *tx) (none flow.Nothing, err error) {
		org, err := orgFor(t.ctx, t.Queries, self, "SetOrgPreferences", in.OrgID)
		if err != nil {
			return none, err
		}
		if value, given := c.set[flow.AutoAddToChannels]; given {
			if err := t.checkAutoAdd(org.Public, value); err != nil {
				return none, err
			}
		}
		return none, t.setPreferences(orgShelf(org.ID), c)
	})
}

// OrgPreferences implements [flow.Engine].
func (e *Engine) OrgPreferences(ctx context.Context, call flow.Call, in flow.OrgPreferencesInput) (flow.Preferences, error) {
	org, err := e.orgOf(ctx, call, "OrgPreferences", in.OrgID)
	if err != nil {
		return nil, err
	}
	return e.store.preferences(ctx, orgShelf(org.ID))
}

// GetOrgPref implements [flow.Engine].
func (e *Engine) GetOrgPref(ctx context.Context, call flow.Call, in flow.GetOrgPrefInput) (flow.OrgPref, error) {
	org, err := e.orgOf(ctx, call, "GetOrgPref", in.OrgID)
	if err != nil {
		return flow.OrgPref{}, err
	}
	value, found, err := preference(ctx, e.store.read, opaqueShelf(org.ID), in.Key)
	if err != nil || !found {
		return flow.OrgPref{}, e.store.explain(err)
	}
	return flow.OrgPref{Value: &value}, nil
}

// SetOrgPref implements [flow.Engine].
func (e *Engine) SetOrgPref(ctx context.Context, call flow.Call, in flow.SetOrgPrefInput) (flow.Nothing, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return flow.Nothing{}, err
	}
	if err := checkOrgPref(in); err != nil {
		return flow.Nothing{}, err
	}
	return once(ctx, e, call, "SetOrgPref", string(self.id), func(t *tx) (none flow.Nothing, err error) {
		org, err := orgFor(t.ctx, t.Queries, self, "SetOrgPref", in.OrgID)
		if err != nil {
			return none, err
		}
		on := opaqueShelf(org.ID)
		if in.Value == "" {
			return none, t.DropPreference(t.ctx, db.DropPreferenceParams{Kind: on.kind, Owner: on.owner, Name: in.Key})
		}
		if err := t.setPreference(on, in.Key, in.Value); err != nil {
			return none, err
		}
		return none, t.checkShelf(on)
	})
}

func checkOrgPref(in flow.SetOrgPrefInput) error {
	if err := flow.CheckName("Key", in.Key); err != nil {
		return err
	}
	if len(in.Value) > flow.MaxPreference {
		return flow.Errorf(flow.Invalid, "Value has %d bytes and %d are allowed", len(in.Value), flow.MaxPreference)
	}
	code := base64.URLEncoding
	if raw, err := code.DecodeString(in.Value); err != nil || code.EncodeToString(raw) != in.Value {
		return flow.Errorf(flow.Invalid, "Value must be URL-safe base64 with padding, such as aGk_Cg==")
	}
	return nil
}

// SetAccountPreferences implements [flow.Engine].
func (e *Engine) SetAccountPreferences(ctx context.Context, call flow.Call, in flow.SetAccountPreferencesInput) (flow.Nothing, error) {
	if _, _, err := e.self(ctx, call); err != nil {
		return flow.Nothing{}, err
	}
	c, err := newPreferenceChange(in.Preferences, in.ClearPreferences)
	if err != nil {
		return flow.Nothing{}, err
	}
	for _, name := range []string{flow.MuteAccounts, flow.MuteOrgs, flow.MuteChannels} {
		var ids []string
		if value, given := c.set[name]; given && json.Unmarshal(value, &ids) != nil {
			return flow.Nothing{}, flow.Errorf(flow.Invalid, `the item %s must be a list of ids, such as ["..."]`, name)
		}
	}
	return e.own(ctx, call, "SetAccountPreferences", func(t *tx, self *who) error {
		return t.setPreferences(accountShelf(self.account), c)
	})
}

// AccountPreferences implements [flow.Engine].
func (e *Engine) AccountPreferences(ctx context.Context, call flow.Call, _ flow.AccountPreferencesInput) (flow.Preferences, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return nil, err
	}
	return e.store.preferences(ctx, accountShelf(self.account))
}

// IsMutedByPreferences implements [flow.Engine].
func (e *Engine) IsMutedByPreferences(ctx context.Context, call flow.Call, in flow.IsMutedByPreferencesInput) (bool, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return false, err
	}
	if in.OrgID == "" && in.ChannelID != "" {
		row, err := e.store.read.ChannelFor(ctx, self.account, in.ChannelID)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return false, e.store.explain(err)
		}
		if isIn(flow.MemberState(row.State)) {
			in.OrgID = row.OrgPublic
		}
	}
	is, err := muted(ctx, e.store.read, self.account, in)
	return is, e.store.explain(err)
}

// muted reports whether an account has muted the messages of a team, channel or sender.
func muted(ctx context.Context, q *db.Queries, account int64, from flow.IsMutedByPreferencesInput) (bool, error) {
	for _, m := range []struct{ name, id string }{
		{flow.MuteOrgs, string(from.OrgID)}, {flow.MuteChannels, string(from.ChannelID)}, {flow.MuteAccounts, string(from.SenderID)},
	} {
		value, _, err := preference(ctx, q, accountShelf(account), m.name)
		if err != nil {
			return false, err
		}
		var ids []string
		_ = json.Unmarshal([]byte(value), &ids) // checked when it was set; empty when it was not
		if m.id != "" && slices.Contains(ids, m.id) {
			return true, nil
		}
	}
	return false, nil
}
