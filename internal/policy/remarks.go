package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

// remark is a sentence on a pattern.
type remark struct {
	topic
	text string
}

// topic is what a remark is about, whichever teams it is about at present.
type topic struct {
	pattern Pattern
	effect  effect
}

// effect is what a pattern has of it.
type effect int

const (
	fitsNothing effect = iota
	meansTheFirst
	meansNone
)

// remarks says of the patterns which of them name no channel at present, and which name
// teams by a name that is not theirs alone, so that they are not all meant ([atlas.pin]).
func (p *Policy) remarks(orgs []flow.Org, named map[flow.OrgID]string, places []place) (all []remark) {
	patterns := slices.Concat(p.Channels.Read, p.Channels.Write)
	for i, pattern := range patterns {
		if slices.Contains(patterns[:i], pattern) {
			continue
		}
		say := func(e effect, format string, args ...any) {
			all = append(all, remark{topic{pattern, e}, fmt.Sprintf("%q ", string(pattern)) + fmt.Sprintf(format, args...)})
		}
		meant, strange := pattern.teams(orgs, named)
		switch {
		case len(strange) > 0 && len(meant) > 0:
			say(meansTheFirst, "means the team that had the name first (%s), and not the others (%s); write the id of a team in place of its name",
				addresses(meant), addresses(strange))
		case len(strange) > 0:
			say(meansNone, "means no team, since nobody knows which (%s); write the id of a team in place of its name", addresses(strange))
		case !slices.ContainsFunc(places, pattern.fits):
			say(fitsNothing, "fits no channel at present")
		}
	}
	return all
}

// warn logs remarks on what none was logged about before, since what a remark says of
// teams others can change at will.
func (a *atlas) warn(all []remark) {
	var said []string
	for _, r := range all {
		if !a.told[r.topic] {
			a.told[r.topic] = true
			said = append(said, r.text)
		}
	}
	if len(said) > 0 {
		a.log.Warn(fmt.Sprintf("policy %s: %s", a.policy.path, strings.Join(said, "; ")))
	}
}

// teams returns which teams the pattern means by name, and which others have such a name
// and are not meant.
func (p Pattern) teams(orgs []flow.Org, named map[flow.OrgID]string) (meant, strange []flow.OrgID) {
	_, team, _ := p.parts()
	if glob(team, "") {
		return nil, nil // it does not look at names of teams
	}
	for _, org := range orgs {
		switch {
		case team == string(org.ID):
			return nil, nil
		case !glob(flow.Fold(team), flow.Fold(org.Name)):
		case named[org.ID] != "":
			meant = append(meant, org.ID)
		default:
			strange = append(strange, org.ID)
		}
	}
	return meant, strange
}

// fewTeams is how many teams a remark names.
const fewTeams = 5

func addresses(teams []flow.OrgID) string {
	var all []string
	for _, id := range teams[:min(len(teams), fewTeams)] {
		all = append(all, flow.Link{Org: id}.String())
	}
	if more := len(teams) - len(all); more > 0 {
		all = append(all, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(all, ", ")
}
