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

// topic is what a remark is about, whichever teams or people it is about at present.
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
	meansRenamed
)

// remarks says of the patterns which of them name no channel at present, and which name
// teams or people by a name that is not theirs alone, so that they are not all meant
// ([pins]).
func (p *Policy) remarks(now scene, places []place) (all []remark) {
	patterns := slices.Concat(p.Channels.Read, p.Channels.Write)
	for i, pattern := range patterns {
		if slices.Contains(patterns[:i], pattern) {
			continue
		}
		said := slices.Concat(pattern.teams(now).remarks("team", "teams"), pattern.people(now).remarks("person", "people"))
		if len(said) == 0 && !slices.ContainsFunc(places, pattern.fits) {
			said = []remark{{topic{effect: fitsNothing}, "fits no channel at present"}}
		}
		for _, r := range said {
			all = append(all, remark{topic{pattern, r.effect}, fmt.Sprintf("%q %s", string(pattern), r.text)})
		}
	}
	return all
}

// meaning is whom a pattern means by name, and who else is called so and is not meant.
type meaning struct {
	meant, strange []string // addresses
	renamed        bool     // nobody whom it means is called so any more
}

func (m meaning) remarks(one, several string) []remark {
	say := func(e effect, format string, args ...any) []remark {
		return []remark{{topic{effect: e}, fmt.Sprintf(format, args...) + "; write the id of a " + one + " in place of its name"}}
	}
	switch {
	case len(m.strange) > 0 && len(m.meant) > 0:
		return say(meansTheFirst, "means the %s that had the name first (%s), and not the others (%s)", one, few(m.meant), few(m.strange))
	case len(m.strange) > 0:
		return say(meansNone, "means no %s, since nobody knows which (%s)", one, few(m.strange))
	case m.renamed:
		return say(meansRenamed, "means %s that had the name first and are called otherwise now (%s)", several, few(m.meant))
	}
	return nil
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

// teams says which teams the pattern means.
func (p Pattern) teams(now scene) (m meaning) {
	team := p.parts().team
	if glob(team, "") {
		return m // it does not look at names of teams
	}
	for _, org := range now.orgs {
		address := flow.Link{Org: org.ID}.String()
		switch {
		case team == string(org.ID):
			return meaning{}
		case !glob(flow.Fold(team), flow.Fold(org.Name)):
		case globAny(team, now.teams[org.ID]):
			m.meant = append(m.meant, address)
		default:
			m.strange = append(m.strange, address)
		}
	}
	return m
}

// people says which people the pattern means.
func (p Pattern) people(now scene) (m meaning) {
	said := p.parts()
	if !said.direct || glob(said.name, "") || flow.IsID(said.name) {
		return m // it does not look at names of people
	}
	m.renamed = true
	for _, peer := range now.peers {
		address := flow.Link{Account: peer.AccountID}.String()
		called := glob(flow.Fold(said.name), flow.Fold(peer.Username))
		switch {
		case said.name == string(peer.AccountID):
			return meaning{}
		case globAny(said.name, now.people[peer.AccountID]):
			m.meant, m.renamed = append(m.meant, address), m.renamed && !called
		case called:
			m.strange = append(m.strange, address)
		}
	}
	m.renamed = m.renamed && len(m.meant) > 0
	return m
}

// fewAddresses is how many teams or people a remark names.
const fewAddresses = 5

func few(addresses []string) string {
	shown := slices.Clone(addresses[:min(len(addresses), fewAddresses)])
	if more := len(addresses) - len(shown); more > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(shown, ", ")
}
