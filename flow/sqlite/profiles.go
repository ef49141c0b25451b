package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// maxProfiles is how many bytes of content one answer holds. A JSON string may be longer
// than what it stands for, so this is well below what callers accept.
const maxProfiles = 32 << 20

// itemOf returns the name of a profile item that is meant.
func itemOf(name string) (string, error) {
	if name == "" {
		return flow.ProfileItem, nil
	}
	return name, flow.CheckName("Item", name)
}

// SetProfile implements [flow.Engine].
func (e *Engine) SetProfile(ctx context.Context, call flow.Call, in flow.SetProfileInput) (flow.Nothing, error) {
	if _, _, err := e.self(ctx, call); err != nil {
		return flow.Nothing{}, err
	}
	item, err := itemOf(in.Item)
	if err != nil {
		return flow.Nothing{}, err
	}
	if err := checkProfile(item, in.Content); err != nil {
		return flow.Nothing{}, err
	}
	return e.own(ctx, call, "SetProfile", func(t *tx, self *who) error {
		return t.setProfile(self, item, in.Content)
	})
}

// checkProfile refuses content that others could not read.
func checkProfile(item, content string) error {
	switch {
	case len(content) > flow.MaxProfile:
		return flow.Errorf(flow.Invalid, "Content has %d bytes and %d are allowed; use a smaller photo or a shorter text", len(content), flow.MaxProfile)
	case !utf8.ValidString(content):
		return flow.Errorf(flow.Invalid, "Content is not valid UTF-8")
	case item != flow.ProfileItem || content == "":
		return nil
	}
	var p flow.ProfileContent
	if !strings.HasPrefix(strings.TrimSpace(content), "{") || json.Unmarshal([]byte(content), &p) != nil {
		return flow.Errorf(flow.Invalid,
			`Content of the item profile must be JSON text like {"displayName":"Ana","biography":null,"photo":null}, each text or null`)
	}
	return nil
}

// setProfile stores an item, or removes it when the content is empty.
func (t *tx) setProfile(self *who, item, content string) error {
	before, err := t.storedProfile(self.account, item)
	if err != nil || before.Content == content {
		return err
	}
	if before.Content == "" {
		n, err := t.CountProfiles(t.ctx, self.account)
		if err != nil {
			return err
		}
		if n >= flow.MaxProfileItems {
			return flow.Errorf(flow.Conflict, "the account has %d profile items already; remove one by setting it to empty content", n)
		}
	}
	return t.putProfile(self.account, item, content, before)
}

// storedProfile returns an item as it was stored, or the zero row.
func (t *tx) storedProfile(account int64, item string) (db.ProfileRow, error) {
	row, err := t.Profile(t.ctx, account, item)
	if errors.Is(err, sql.ErrNoRows) {
		return db.ProfileRow{}, nil
	}
	return row, err
}

// putProfile stores and announces an item, also that it is empty. Its event replaces the
// one of what was told before: that may be long, and is true no more.
func (t *tx) putProfile(account int64, item, content string, before db.ProfileRow) error {
	event, err := t.tellProfile(account, item, content)
	if err != nil {
		return err
	}
	if before.Event != 0 {
		if err := t.DropEvent(t.ctx, before.Event); err != nil {
			return err
		}
	}
	return t.SetProfile(t.ctx, db.SetProfileParams{Account: account, Item: item, Event: event, Content: content})
}

// tellProfile announces what GetUserProfile answers from now on.
func (t *tx) tellProfile(id int64, item, content string) (flow.Cursor, error) {
	account, err := t.AccountByID(t.ctx, id)
	if err != nil {
		return 0, err
	}
	return tell(t, flow.ProfileEvent, id,
		[]flow.Profile{{AccountID: account.Public, Item: item, Content: orDefault(item, content, account.Username), Username: account.Username}})
}

// tellName announces that an account is called otherwise, with its item profile.
func (t *tx) tellName(account int64) error {
	before, err := t.storedProfile(account, flow.ProfileItem)
	if err != nil {
		return err
	}
	return t.putProfile(account, flow.ProfileItem, before.Content, before)
}

// orDefault returns the content of an item, also when none was stored.
func orDefault(item, content, username string) string {
	if content != "" || item != flow.ProfileItem {
		return content
	}
	raw, _ := json.Marshal(flow.ProfileContent{DisplayName: &username}) // text always encodes
	return string(raw)
}

// GetUserProfile implements [flow.Engine].
func (e *Engine) GetUserProfile(ctx context.Context, call flow.Call, in flow.GetUserProfileInput) (string, error) {
	if _, _, err := e.self(ctx, call); err != nil {
		return "", err
	}
	item, err := itemOf(in.Item)
	if err != nil {
		return "", err
	}
	account, err := accountByPublic(ctx, e.store.read, in.AccountID)
	if err != nil {
		return "", e.store.explain(err)
	}
	row, err := e.store.read.Profile(ctx, account.ID, item)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", e.store.explain(err)
	}
	return orDefault(item, row.Content, account.Username), nil
}

// EnumerateProfiles implements [flow.Engine].
func (e *Engine) EnumerateProfiles(ctx context.Context, call flow.Call, in flow.EnumerateProfilesInput) ([]flow.Profile, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return nil, err
	}
	item, err := itemOf(in.Item)
	if err != nil {
		return nil, err
	}
	size, err := e.store.read.KnownProfilesSize(ctx, item, self.account)
	if err != nil {
		return nil, e.store.explain(err)
	}
	if size > maxProfiles {
		return nil, flow.Errorf(flow.Conflict,
			"the profiles of all known accounts are %d bytes together, more than one answer holds; read them one by one with GetUserProfile", size)
	}
	rows, err := e.store.read.KnownProfiles(ctx, item, self.account)
	list := make([]flow.Profile, 0, len(rows))
	for _, r := range rows {
		if content := orDefault(item, r.Content, r.Username); content != "" {
			list = append(list, flow.Profile{AccountID: r.Public, Item: item, Content: content})
		}
	}
	return list, e.store.explain(err)
}

// EnumerateIntegrationProfiles implements [flow.Engine]. Nobody hosts integrations here.
func (e *Engine) EnumerateIntegrationProfiles(
	ctx context.Context, call flow.Call, _ flow.EnumerateIntegrationProfilesInput,
) ([]flow.IntegrationProfile, error) {
	_, _, err := e.self(ctx, call)
	return []flow.IntegrationProfile{}, err
}
