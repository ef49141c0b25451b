package sqlite

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// autoAdd is what somebody signs to have new members of a team added to channels.
type autoAdd struct {
	Parent   flow.OrgID       `json:"parent"`
	Channels []flow.ChannelID `json:"channels"`
	KeyRing  flow.KeyRingID   `json:"keyRing"` // of the signer
	Created  int64            `json:"created"` // milliseconds since 1970
}

// signed is the value of the preference. What is signed are the bytes of the event.
type signed struct {
	Event     json.RawMessage `json:"event"`
	Signature []byte          `json:"signature"`
}

// autoAddSigning keeps these signatures apart from any other that a key ring may make.
var autoAddSigning = &ed25519.Options{Context: "flow-mcp autoAddToChannels"}

var errNoAutoAdd = flow.Errorf(flow.Invalid,
	"this is no value for autoAddToChannels, or it was changed; build one with NewAutoAddToChannelsPref")

// NewAutoAddToChannelsPref implements [flow.Engine].
func (e *Engine) NewAutoAddToChannelsPref(ctx context.Context, call flow.Call, in flow.NewAutoAddToChannelsPrefInput) (string, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return "", err
	}
	org, err := orgFor(ctx, e.store.read, self, "NewAutoAddToChannelsPref", in.OrgHashID)
	if err != nil {
		return "", e.store.explain(err)
	}
	if n := len(in.ChannelHashIDs); n == 0 || n > flow.MaxAutoAddChannels {
		return "", flow.Errorf(flow.Invalid,
			"ChannelHashIDs must hold 1 to %d channels; to add nobody any more, clear the preference autoAddToChannels", flow.MaxAutoAddChannels)
	}
	event := autoAdd{Parent: org.Public, Created: time.Now().UnixMilli()}
	for _, id := range in.ChannelHashIDs {
		if slices.Contains(event.Channels, id) {
			continue
		}
		if err := e.mayAutoAdd(ctx, self, org, id); err != nil {
			return "", err
		}
		event.Channels = append(event.Channels, id)
	}
	ring, err := e.store.read.KeyRingOf(ctx, self.account)
	if err != nil {
		return "", e.store.explain(err)
	}
	return e.store.writer.vault.signAutoAdd(ring, event)
}

// mayAutoAdd refuses a channel to which an account may not add the members of a team.
func (e *Engine) mayAutoAdd(ctx context.Context, self *who, org db.OrgForRow, id flow.ChannelID) error {
	ch, err := channelFor(ctx, e.store.read, self, beThere, id, "")
	if err == nil && !ch.One.Valid {
		err = allow("NewAutoAddToChannelsPref", "channel", flow.MemberState(ch.State))
	}
	switch refusal, ok := errors.AsType[*flow.Error](err); {
	case ok:
		return flow.Errorf(refusal.Code, "channel %q: %s", clip(string(id)), refusal.Message)
	case err != nil:
		return e.store.explain(err)
	case ch.Org != org.ID:
		return flow.Errorf(flow.Invalid, "channel %q is in another team", clip(string(id)))
	case ch.One.Valid:
		return flow.Errorf(flow.Invalid, "channel %q is a direct conversation, which has two people", clip(string(id)))
	}
	return nil
}

// signAutoAdd makes the value of the preference.
func (v *vault) signAutoAdd(ring db.KeyRing, event autoAdd) (string, error) {
	seed, err := v.unseal(ring.Seed, ringLabel(ring.Public))
	if err != nil {
		return "", err
	}
	event.KeyRing = ring.Public
	var s signed
	if s.Event, err = json.Marshal(event); err != nil {
		return "", fmt.Errorf("write event to sign: %w", err)
	}
	if s.Signature, err = ed25519.NewKeyFromSeed(seed).Sign(nil, s.Event, autoAddSigning); err != nil {
		return "", fmt.Errorf("sign event: %w", err)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("write signed event: %w", err)
	}
	return base64.URLEncoding.EncodeToString(raw), nil
}

// openAutoAdd reads a value of the preference and checks its signature.
func openAutoAdd(ctx context.Context, q *db.Queries, value string) (autoAdd, db.KeyRingByPublicRow, error) {
	s, event, err := parseAutoAdd(value)
	if err != nil {
		return event, db.KeyRingByPublicRow{}, err
	}
	ring, err := q.KeyRingByPublic(ctx, event.KeyRing)
	if errors.Is(err, sql.ErrNoRows) {
		return event, ring, errNoAutoAdd
	}
	if err != nil {
		return event, ring, err
	}
	if !s.isBy(ring.Key) {
		return event, ring, errNoAutoAdd
	}
	return event, ring, nil
}

// parseAutoAdd reads a value of the preference and leaves its signature unchecked.
func parseAutoAdd(value string) (s signed, event autoAdd, err error) {
	if len(value) > flow.MaxPreference {
		return s, event, errNoAutoAdd
	}
	raw, err := base64.URLEncoding.DecodeString(value)
	if err != nil || json.Unmarshal(raw, &s) != nil || json.Unmarshal(s.Event, &event) != nil {
		return s, event, errNoAutoAdd
	}
	return s, event, nil
}

// isBy reports whether the signature is that of a public key.
func (s signed) isBy(key ed25519.PublicKey) bool {
	return ed25519.VerifyWithOptions(key, s.Event, s.Signature, autoAddSigning) == nil
}

// AutoAddToChannelsPref implements [flow.Engine].
func (e *Engine) AutoAddToChannelsPref(ctx context.Context, call flow.Call, in flow.AutoAddToChannelsPrefInput) ([]flow.ChannelID, error) {
	if _, _, err := e.self(ctx, call); err != nil {
		return nil, err
	}
	event, _, err := openAutoAdd(ctx, e.store.read, in.Data)
	return event.Channels, e.store.explain(err)
}

// checkAutoAdd refuses an item that would have no effect. What was signed with an older
// key ring is not taken; what was stored while that was the newest one stays good.
func (t *tx) checkAutoAdd(org flow.OrgID, item json.RawMessage) error {
	var value string
	if json.Unmarshal(item, &value) != nil {
		return errNoAutoAdd
	}
	event, ring, err := openAutoAdd(t.ctx, t.Queries, value)
	switch {
	case err != nil:
		return err
	case event.Parent != org:
		return flow.Errorf(flow.Invalid, "this value for autoAddToChannels is for another team; build one with NewAutoAddToChannelsPref")
	case !ring.Newest:
		return flow.Errorf(flow.Conflict, "who built this value for autoAddToChannels has a new key ring; build it again with NewAutoAddToChannelsPref")
	}
	return nil
}

// autoAdd adds somebody who has come into a team to the channels that its preference
// names, as far as the signer may still add members there.
func (t *tx) autoAdd(org db.OrgForRow, who person) error {
	item, found, err := preference(t.ctx, t.Queries, orgShelf(org.ID), flow.AutoAddToChannels)
	if err != nil || !found {
		return err
	}
	var value string
	_ = json.Unmarshal([]byte(item), &value) // checked when it was set
	event, ring, err := openAutoAdd(t.ctx, t.Queries, value)
	if errors.Is(err, flow.Invalid) || err == nil && event.Parent != org.Public {
		return nil // the preference is void, and nobody is kept out of the team for that
	}
	for _, id := range event.Channels {
		if err != nil {
			return err
		}
		err = t.autoAddTo(org, ring.Account, id, who)
	}
	return err
}

// autoAddTo leaves out who has been in the channel before: banned people stay out, and
// those who left are not called back.
func (t *tx) autoAddTo(org db.OrgForRow, signer int64, id flow.ChannelID, who person) error {
	row, err := t.ChannelFor(t.ctx, signer, id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if row.Org != org.ID || row.One.Valid || allow("ChannelAddMember", "channel", flow.MemberState(row.State)) != nil {
		return nil
	}
	if _, err := t.ChannelMember(t.ctx, row.ID, who.id); !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	ch, err := whole(t.ctx, t.Queries, row, id)
	if err != nil {
		return err
	}
	return t.setChannelState(ch, who, flow.Member)
}
