package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// advise makes the error about a text for a channel, that it leads to none or to several,
// one that says what to do.
func (r *resolver) advise(ctx context.Context, text string, err error) error {
	switch {
	case errors.Is(err, flow.Conflict):
		return r.severalChannels(ctx, text, err)
	case errors.Is(err, flow.NotFound):
		return r.unopened(ctx, text, err)
	}
	return err
}

// unopened tells how to open a direct conversation with a person whom text names.
func (r *resolver) unopened(ctx context.Context, text string, err error) error {
	text = flow.Fold(text)
	who := text[strings.LastIndex(text, "/")+1:]
	if !strings.HasPrefix(who, "@") {
		return err
	}
	peer, unknown := r.dir.FindAccount(ctx, who)
	identity, failed := r.client.Identity(ctx)
	if errors.Is(unknown, flow.NotFound) && failed == nil {
		return unknown // it lists people
	}
	if unknown != nil || failed != nil || peer.AccountID == identity.AccountID {
		return err
	}
	called := r.namer(ctx).account(ctx, peer.AccountID)
	return flow.Errorf(flow.NotFound, "there is no direct conversation with %s yet; open it with %s, member=%s",
		called.inline(), toolName(flow.NewDirectConversation.Info().Name), called.inline())
}

// candidates is how many channels of one name are told apart.
const candidates = 8

// severalChannels tells the channels apart that text fits. Anybody can give a channel the
// name of another one, so none of them is preferred.
func (r *resolver) severalChannels(ctx context.Context, text string, err error) error {
	channels, failed := r.dir.ChannelsCalled(ctx, r.team.ID, text)
	if failed != nil || len(channels) < 2 {
		return err
	}
	names := r.namer(ctx)
	var all []string
	for _, ch := range channels[:min(len(channels), candidates)] {
		all = append(all, r.told(ctx, names, ch))
	}
	if more := len(channels) - len(all); more > 0 {
		all = append(all, fmt.Sprintf("and %d more", more))
	}
	shown, _ := clean(text)
	shown, _ = shown.cut(longestName)
	return flow.Errorf(flow.Conflict, "%s fits %d channels: %s. Give the link of the one that is meant",
		shown.quoted(), len(channels), strings.Join(all, "; "))
}

// told says of a channel what tells it from another of its name: whether it is a direct
// conversation, or who made it and when, and how many are in it.
func (r *resolver) told(ctx context.Context, names *namer, ch flow.Channel) string {
	said := []string{names.channel(ctx, ch.ID).inline(), linkTo(channelID, string(ch.ID)).String()}
	if ch.Purpose == flow.DirectPurpose {
		return strings.Join(append(said, "the direct conversation"), ", ")
	}
	history, err := flow.EnumerateChannelMemberHistory.Call(ctx, r.client, flow.EnumerateChannelMemberHistoryInput{ChannelID: ch.ID})
	if err == nil && len(history) > 0 {
		first := history[len(history)-1]
		said = append(said, fmt.Sprintf("made by %s at %s",
			names.account(ctx, first.AccountID).inline(), instant(first.CreationTime).Format(time.RFC3339)))
	}
	members, err := flow.EnumerateChannelMembers.Call(ctx, r.client, flow.EnumerateChannelMembersInput{ChannelID: ch.ID})
	if err == nil {
		said = append(said, count(len(members), "member"))
	}
	return strings.Join(said, ", ")
}

// teamNote tells who has made a team which others that the account is in have the same
// name. Names are no identifiers, so that is no mistake; but from now on the name leads
// nowhere.
func (c *call) teamNote(ctx context.Context, raw json.RawMessage) string {
	var made flow.Org
	if json.Unmarshal(raw, &made) != nil {
		return ""
	}
	_, _ = c.dir.FindOrg(ctx, string(made.ID)) // so that the directory knows it
	all, err := c.dir.Orgs(ctx)
	if err != nil {
		return ""
	}
	names := c.namer(ctx)
	var others []string
	for _, org := range all {
		if org.ID != made.ID && flow.Fold(org.Name) == flow.Fold(c.text("name")) {
			others = append(others, names.team(ctx, org.ID).inline()+" "+linkTo(teamID, string(org.ID)).String())
		}
	}
	if len(others) == 0 {
		return ""
	}
	named := strings.Join(others[:min(len(others), candidates)], ", ")
	if more := len(others) - candidates; more > 0 {
		named += fmt.Sprintf(" and %d more", more)
	}
	there := "There is another team"
	if len(others) > 1 {
		there = fmt.Sprintf("There are %d other teams", len(others))
	}
	return fmt.Sprintf("%s of this name: %s. The name alone is refused from now on, since it does not say which; give a link.", there, named)
}
