package tools

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// statusName is the tool that others refer to.
const statusName = "flow_status"

func statusTool() *Tool {
	return composite(Tool{
		Name: statusName, Title: "Status", Group: flow.SessionGroup, Effect: flow.Reads,
		Description: "Say who you are, your teams, whether all works, and how to turn on tools that are off.", roots: true,
	}, (*call).status)
}

type statusInput struct{}

type statusOutput struct {
	Now      time.Time     `json:"now"`
	Account  name          `json:"account,omitzero"`
	Teams    []statusTeam  `json:"orgs"`
	More     int           `json:"orgs_not_shown,omitzero"`
	Backend  statusBackend `json:"backend"`
	Tools    int           `json:"tools,omitzero"`
	ReadOnly bool          `json:"read_only,omitzero"`
	Consent  string        `json:"consent,omitzero"`
	Files    []safe        `json:"files,omitzero"` // where they may be sent from and saved to
	Policy   []string      `json:"policy,omitzero"`
	Remarks  []safe        `json:"policy_remarks,omitzero"`
	Off      []statusOff   `json:"off,omitzero"`
	Version  string        `json:"version,omitzero"`
}

type statusTeam struct {
	Name     name   `json:"name"`
	Channels int    `json:"channels"`
	People   int    `json:"people"`
	Link     string `json:"link,omitzero"`
}

type statusBackend struct {
	Works   bool   `json:"works"`
	Name    safe   `json:"name,omitzero"`
	Version safe   `json:"version,omitzero"`
	Problem string `json:"problem,omitzero"`
}

type statusOff struct {
	Toolset string   `json:"toolset"`
	Tools   []string `json:"tools"`
	Flag    string   `json:"flag"`
}

// teamsShown is how many teams are named; flow_enumerate_orgs lists all.
const teamsShown = 50

// patience is how long flow_status waits for a backend before it says that there is none.
const patience = 5 * time.Second

// status never fails: that there is no backend is what it has to say then.
func (c *call) status(ctx context.Context, _ statusInput) (statusOutput, string, error) {
	out := statusOutput{
		Now: now(), Teams: []statusTeam{}, Tools: len(c.choice.tools), ReadOnly: c.choice.readOnly,
		Off: c.choice.sets(), Version: c.version, Policy: c.policy,
	}
	if !out.ReadOnly {
		out.Consent = c.asking.describe(canElicit(ctx))
		for _, said := range c.folders.Describe(c.roots) {
			shown, _ := clean(said)
			out.Files = append(out.Files, shown)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	switch err := c.whoAndWhere(ctx, &out); {
	case err != nil && stopped(err):
		out.Backend.Problem = fmt.Sprintf("it did not answer within %v.", patience)
	case err != nil:
		out.Backend.Problem = describe(err)
	}
	for _, remark := range c.remarks() {
		shown, _ := clean(remark)
		out.Remarks = append(out.Remarks, shown)
	}
	return out, out.text(), nil
}

func (c *call) whoAndWhere(ctx context.Context, out *statusOutput) error {
	identity, err := c.client.Identity(ctx)
	if err != nil {
		return err
	}
	backend, _ := clean(identity.Backend.Name)
	version, _ := clean(identity.Backend.Version)
	out.Backend = statusBackend{Name: backend, Version: version}
	if _, err := flow.Ping.Call(ctx, c.client, flow.PingInput{}); err != nil {
		return err
	}
	out.Backend.Works = true
	names := c.namer(ctx)
	if names.known && names.names.Me() != identity.AccountID {
		// Another store took the place of the one that the directory has read.
		c.dir.Observe(flow.Notification{Type: flow.Connected})
		names = c.namer(ctx)
	}
	out.Account = names.account(ctx, identity.AccountID)
	orgs, err := c.dir.Orgs(ctx)
	if err != nil {
		return err
	}
	channels, err := c.dir.Channels(ctx)
	if err != nil {
		return err
	}
	out.More = max(0, len(orgs)-teamsShown)
	for _, org := range orgs[:len(orgs)-out.More] {
		members, err := flow.EnumerateOrgMembers.Call(ctx, c.client, flow.EnumerateOrgMembersInput{OrgID: org.ID})
		if err != nil {
			return err
		}
		team := statusTeam{Name: names.team(ctx, org.ID), People: len(members), Link: flow.Link{Org: org.ID}.String()}
		for _, ch := range channels {
			if ch.OrgID == org.ID {
				team.Channels++
			}
		}
		out.Teams = append(out.Teams, team)
	}
	return nil
}

// sets says what was not chosen, by tool set.
func (c *choice) sets() []statusOff {
	var off []statusOff
	for _, t := range c.missing {
		i := slices.IndexFunc(off, func(o statusOff) bool { return o.Toolset == string(t.Group) })
		if i < 0 {
			i = len(off)
			off = append(off, statusOff{Toolset: string(t.Group), Flag: "--toolsets default," + string(t.Group)})
			if c.readOnly {
				off[i].Flag += ", without --read-only for what writes"
			}
		}
		off[i].Tools = append(off[i].Tools, t.Name)
	}
	return off
}

func (o statusOutput) text() string {
	var out strings.Builder
	if o.Account != "" {
		fmt.Fprintf(&out, "You are %s. ", o.Account.inline())
	}
	out.WriteString(itIs(o.Now) + "\n")
	for _, team := range o.Teams {
		fmt.Fprintf(&out, "Team %s: %s, %s. %s\n", team.Name.inline(), count(team.Channels, "channel"), people(team.People), team.Link)
	}
	if o.More > 0 {
		fmt.Fprintf(&out, "%d more teams: flow_enumerate_orgs, which --tools flow_enumerate_orgs turns on.\n", o.More)
	}
	switch {
	case o.Backend.Problem != "" && !o.Backend.Works:
		fmt.Fprintf(&out, "The backend does not work: %s\n", o.Backend.Problem)
	default:
		fmt.Fprintf(&out, "The backend%s works.\n", versioned(o.Backend.Name, o.Backend.Version))
	}
	if o.Backend.Works && o.Backend.Problem != "" {
		fmt.Fprintf(&out, "Not everything could be read: %s\n", o.Backend.Problem)
	}
	fmt.Fprintf(&out, "This is%s with %s", versioned("flow-mcp", safe(o.Version)), count(o.Tools, "tool"))
	if o.ReadOnly {
		out.WriteString(", read-only")
	}
	out.WriteString(".\n")
	if o.Consent != "" {
		out.WriteString("Consent: " + o.Consent + ".\n")
	}
	for _, said := range o.Files {
		out.WriteString(said.block() + ".\n")
	}
	if len(o.Policy) > 0 {
		out.WriteString("Policy: " + safe(strings.Join(o.Policy, "; ")).block() + ".\n")
	}
	for _, remark := range o.Remarks {
		out.WriteString("Note on the policy: " + string(remark.block()) + ".\n")
	}
	if len(o.Off) > 0 {
		out.WriteString(o.offText())
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// offText says what is off in one line: the sets, how many tools of each, and the flag.
func (o statusOutput) offText() string {
	sets := make([]string, len(o.Off))
	for i, off := range o.Off {
		sets[i] = fmt.Sprintf("%s %d", off.Toolset, len(off.Tools))
	}
	text := fmt.Sprintf("Tools that are off: %s. On with --toolsets %s,SET", strings.Join(sets, ", "), DefaultSet)
	if o.ReadOnly {
		text += ", without --read-only for what writes"
	}
	return text + ", when the server is started.\n"
}

// now is the time in UTC to the minute, for models, which have no clock.
func now() time.Time { return time.Now().UTC().Truncate(time.Minute) }

// itIs says in a sentence what time it is.
func itIs(t time.Time) string { return t.Format("It is 2006-01-02 15:04 UTC.") }

// versioned writes the parts of a name that are there, each after a blank.
func versioned(parts ...safe) string {
	out := ""
	for _, part := range parts {
		if part != "" {
			out += " " + part.inline()
		}
	}
	return out
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}
