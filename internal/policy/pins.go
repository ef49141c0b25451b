package policy

import "github.com/flow-mcp/flow-mcp/flow"

// pins remember whom a name stands for in patterns, folded: whoever had it first, as long
// as this server runs, and nobody while there are several. Anybody can make a team of the
// same name and add people to it, take the name that somebody else has given up, or bring
// one from another name space.
type pins[ID ~string] map[string]ID

// hold pins the names that are new and that one alone has.
func (p pins[ID]) hold(called map[ID]string) {
	count := map[string]int{}
	for _, name := range called {
		count[flow.Fold(name)]++
	}
	for id, name := range called {
		folded := flow.Fold(name)
		if _, held := p[folded]; !held && count[folded] == 1 {
			p[folded] = id
		}
	}
}

// names are all that stand for each: who was renamed is still the one that a pattern means.
func (p pins[ID]) names() map[ID][]string {
	all := map[ID][]string{}
	for name, id := range p {
		all[id] = append(all[id], name)
	}
	return all
}

// scene is who and what is there at one time, and by which names patterns know it.
type scene struct {
	orgs   []flow.Org
	peers  []flow.Peer
	called map[flow.AccountID]string // what people are called now

	teams  map[flow.OrgID][]string
	people map[flow.AccountID][]string
}

// pin sees who is there now.
func (a *atlas) pin(orgs []flow.Org, peers []flow.Peer) scene {
	now := scene{orgs: orgs, peers: peers, called: map[flow.AccountID]string{}}
	titles := map[flow.OrgID]string{}
	for _, org := range orgs {
		titles[org.ID] = org.Name
	}
	for _, peer := range peers {
		now.called[peer.AccountID] = peer.Username
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.teams.hold(titles)
	a.people.hold(now.called)
	now.teams, now.people = a.teams.names(), a.people.names()
	return now
}

// channel returns the place of an ordinary channel.
func (now scene) channel(id flow.ChannelID, org flow.OrgID, name string) place {
	return place{id: id, org: org, teams: now.teams[org], channel: name}
}

// direct returns the place of a direct conversation.
func (now scene) direct(id flow.ChannelID, org flow.OrgID, with flow.AccountID) place {
	return place{id: id, org: org, teams: now.teams[org], channel: "@" + now.called[with], direct: true, with: with, names: now.people[with]}
}
