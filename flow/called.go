package flow

import (
	"context"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Called returns what an account is called where its id does not stand beside: its user
// name, with the id behind it unless the name leads to this account alone. People who have
// left all common teams are asked for; whose name cannot be found is called by the id.
func (n Names) Called(ctx context.Context, id AccountID) string {
	if i, known := n.v.peers.byID[id]; known {
		name := n.v.peers.all[i].Username
		return withID(name, string(id), n.v.peers.leads(name, i) && n.v.peers.leads("@"+name, i))
	}
	if known, ok := n.v.strangers.Load(id); ok {
		return known.(string)
	}
	peer, err := GetPeerFromID.Call(ctx, n.caller, GetPeerFromIDInput{PeerID: id})
	if err != nil || peer.Username == "" {
		return string(id)
	}
	same, err := GetPeer.Call(ctx, n.caller, GetPeerInput{PeerUsername: peer.Username})
	alone := err == nil && same.AccountID == id && isPlain(peer.Username) && !n.knows(peer.Username)
	called := withID(peer.Username, string(id), alone)
	n.v.strangers.Store(id, called)
	return called
}

// knows reports whether a name leads to anybody in the directory.
func (n Names) knows(name string) bool {
	_, taken := n.v.peers.byID[AccountID(name)]
	return taken || Fold(name) == self || len(n.v.peers.places(Fold(name))) > 0 || len(n.v.peers.places(Fold("@"+name))) > 0
}

// CalledChannel is like [Names.Channel] with the id behind the name unless the name leads to
// this channel alone in its team.
func (n Names) CalledChannel(id ChannelID) string {
	i, known := n.v.channels.byID[id]
	if !known {
		return ""
	}
	name := n.Channel(id)
	return withID(name, string(id), n.v.channels.leads(n.Org(n.OrgOf(id))+"/"+name, i))
}

// endsWithID matches a name with an id behind it, so that no name alone may look so.
var endsWithID = regexp.MustCompile(`(?s) \([A-Z2-7]{52}\)$`)

func withID(name, id string, alone bool) string {
	if name == "" {
		return id
	}
	if alone && !endsWithID.MatchString(name) {
		return name
	}
	return name + " (" + id + ")"
}

// Mentions reports whether a text calls an account: @ and its user name, as a word of its
// own. Where several names fit, the longest is meant, so that @ana maria is not ana when
// there is an "ana maria".
func (n Names) Mentions(text string, id AccountID) bool {
	name := Fold("@" + n.Account(id))
	if name == "@" {
		return false
	}
	text = Fold(text)
	for begin := 0; ; begin++ {
		i := strings.Index(text[begin:], name)
		if i < 0 {
			return false
		}
		begin += i
		rest := text[begin:]
		if beginsWord(text[:begin]) && endsWord(rest[len(name):]) && !n.fitsLonger(rest, name) {
			return true
		}
	}
}

// fitsLonger reports whether text begins with a longer name of somebody.
func (n Names) fitsLonger(text, name string) bool {
	for _, names := range n.v.peers.folded {
		other := names[0]
		if len(other) > len(name) && strings.HasPrefix(text, other) && endsWord(text[len(other):]) {
			return true
		}
	}
	return false
}

// beginsWord reports whether an @ after before begins a word: it does not in an address of
// mail or of the web.
func beginsWord(before string) bool {
	last, _ := utf8.DecodeLastRuneInString(before)
	word := before[strings.LastIndexByte(before, ' ')+1:]
	return !inWord(last) && !strings.Contains(word, "://")
}

// endsWord reports whether a name ends where after follows. Dots, hyphens and @ are parts of
// a word only inside of it.
func endsWord(after string) bool {
	next, size := utf8.DecodeRuneInString(after)
	if strings.ContainsRune(".-@", next) {
		next, _ = utf8.DecodeRuneInString(after[size:])
	}
	return !inWord(next)
}

func inWord(r rune) bool {
	return r == '_' || r != utf8.RuneError && unicode.In(r, unicode.Letter, unicode.Number, unicode.Mark)
}
