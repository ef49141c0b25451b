// Package policy keeps an agent within what a person has written down: which channels it
// may read and write, how much it may send, which files it may touch, and before what a
// person is asked.
//
// A [Policy] is read from a file. A [Gate] enforces it where every call passes, whoever
// makes it: tools, resources, prompts, the directory of names, the stream of
// notifications. It stands between the client and the backend, behind the resolution of
// names, where identifiers are exact:
//
//	tools, resources, prompts ── flow.Client ── Gate ── backend
//
// What a call touches is told by the types of the catalogue. The gate walks through the
// parameters and the result of every operation and looks at each ChannelID, and at
// messages and attachments by the channel they belong to ([walk.go], [prune.go]). No list
// names operations that are safe: a new one is judged by its types on the day it is
// defined, and what has no types, such as free JSON, is refused while channels are closed.
//
// A channel that the policy closes looks as if it did not exist: it answers as any
// unknown identifier does, and no result shows it.
package policy

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Policy is what a file says. The zero Policy allows everything.
type Policy struct {
	Channels Channels   `toml:"channels"`
	Limits   Limits     `toml:"limits"`
	Files    Files      `toml:"files"`
	Confirm  List[Rule] `toml:"confirm"`
	Account  Account    `toml:"account"`

	path string // of the file, and what it says
	raw  []byte
}

// Channels say which channels may be read and written. What may be written to may be read
// too. Without Read and Write all channels are open; with Read alone, those can be read and
// none can be written to; with Write alone, all can be read.
type Channels struct {
	Read  List[Pattern] `toml:"read"`
	Write List[Pattern] `toml:"write"`
}

// Account says what may be changed that belongs to no channel and that others see: the
// profile and the name of the account, teams and their members. While some channels are
// closed that is nothing, unless Write says otherwise.
type Account struct {
	Write bool `toml:"write"`
}

// Limits are quotas of one server process. In a Policy zero is no limit; in a file a limit
// is left out.
type Limits struct {
	MessagesPerMinute        int   `toml:"messages_per_minute"`
	MessagesPerHour          int   `toml:"messages_per_hour"`
	ChannelMessagesPerMinute int   `toml:"channel_messages_per_minute"`
	ChannelMessagesPerHour   int   `toml:"channel_messages_per_hour"`
	AttachmentBytesPerHour   int64 `toml:"attachment_bytes_per_hour"`
}

// Files say where files may be read and written. Nil stands for the usual folders.
type Files struct {
	Send     List[string] `toml:"send_from"`
	Save     List[string] `toml:"save_to"`
	MaxBytes int64        `toml:"max_bytes"`
}

// Rule says before which calls a person is asked.
type Rule string

// The rules.
const (
	// Never asks before none.
	Never Rule = "never"
	// Destructive asks before what removes something that others can miss.
	Destructive Rule = "destructive"
	// FirstMessage asks before the first message to a channel since the server started.
	FirstMessage Rule = "first-message"
	// ForeignWords asks before a message to a channel after words of other people elsewhere
	// were read, and before all else that others see after any were.
	ForeignWords Rule = "foreign-words"
	// Always asks before everything that changes something.
	Always Rule = "always"
	// Auto asks before what is destructive where the client can ask, as without a policy.
	Auto Rule = "auto"
)

var rules = []Rule{Never, Auto, Destructive, FirstMessage, ForeignWords, Always}

// Load reads a policy. A file that is missing or has a mistake in it is an error that
// says where: half a policy is none.
func Load(path string) (*Policy, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	p, err := Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", path, err)
	}
	p.path = path
	return p, nil
}

// At says of an error about what a key such as files.save_to says in which file and line that is.
func (p *Policy) At(key string, err error) error {
	return fmt.Errorf("policy %s: %w", p.path, at(p.raw, key, err))
}

// Parse reads the text of a policy, which is TOML.
func Parse(raw []byte) (*Policy, error) {
	var p Policy
	raw = bytes.TrimPrefix(raw, []byte("\ufeff")) // as some editors put before a text
	d := toml.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return nil, explain(err)
	}
	p.raw = raw
	var given map[string]any // as it is written, before it is made what is meant
	if err := toml.Unmarshal(raw, &given); err != nil {
		return nil, err
	}
	if err := cmp.Or(checkLists(raw, given), checkLimits(raw, given)); err != nil {
		return nil, err
	}
	return &p, p.check()
}

// explain says in which line a mistake is.
func explain(err error) error {
	if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		var said []string
		for _, e := range strict.Errors {
			line, _ := e.Position()
			key := strings.Join(e.Key(), ".")
			said = append(said, fmt.Sprintf("line %d: there is no %q; %s", line, key, known(e.Key())))
		}
		return errors.New(strings.Join(said, "; "))
	}
	if e, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, column := e.Position()
		if key := e.Key(); len(key) > 0 && strings.Contains(e.Error(), "cannot decode") {
			return fmt.Errorf("line %d: %s must be %s", line, strings.Join(key, "."), form(key))
		}
		return fmt.Errorf("line %d, column %d: %s", line, column, strings.TrimPrefix(e.Error(), "toml: "))
	}
	return err
}

// keys are what a file may say, by table.
var keys = map[string][]string{
	"":         {"confirm", "channels", "account", "limits", "files"},
	"account":  {"write"},
	"channels": {"read", "write"},
	"limits": {"messages_per_minute", "messages_per_hour", "channel_messages_per_minute",
		"channel_messages_per_hour", "attachment_bytes_per_hour"},
	"files": {"send_from", "save_to", "max_bytes"},
}

// known says what there is in place of a key.
func known(key []string) string {
	table := ""
	if len(key) > 1 {
		table = key[0]
	}
	all, ok := keys[table]
	if !ok {
		all = keys[""]
	}
	return "there are " + strings.Join(all, ", ")
}

func (p *Policy) check() error {
	for _, rule := range p.Confirm {
		if !slices.Contains(rules, rule) {
			return at(p.raw, "confirm", fmt.Errorf("confirm: there is no rule %q; there are %v", rule, rules))
		}
	}
	if slices.Contains(p.Confirm, Never) && len(p.Confirm) > 1 {
		return at(p.raw, "confirm", errors.New("confirm: never excludes every other rule"))
	}
	return cmp.Or(p.checkPatterns("read", p.Channels.Read), p.checkPatterns("write", p.Channels.Write))
}

func (p *Policy) checkPatterns(key string, list []Pattern) error {
	for _, pattern := range list {
		if err := pattern.check(); err != nil {
			return at(p.raw, "channels."+key, fmt.Errorf("channels.%s: %w", key, err))
		}
	}
	return nil
}

// Closes reports whether there may be channels that cannot be read or written.
func (p *Policy) Closes() bool { return p.Channels.Read != nil || p.Channels.Write != nil }

// Has reports whether a person is asked by a rule.
func (p *Policy) Has(rule Rule) bool { return slices.Contains(p.Confirm, rule) }

// Describe says in short sentences what is allowed; of a server that only reads, what it
// may read.
func (p *Policy) Describe(readOnly bool) []string {
	read := named(slices.Concat(p.Channels.Read, p.Channels.Write))
	if p.Channels.Read == nil {
		read = "any"
	}
	write := named(p.Channels.Write)
	var said []string
	switch {
	case readOnly && p.Channels.Read == nil:
		return nil
	case readOnly:
		return []string{"channels to read: " + read}
	case !p.Closes():
	case read == write:
		said = append(said, "channels to read and write: "+read)
	default:
		said = append(said, "channels to read: "+read, "channels to write: "+write)
	}
	if p.Closes() && !p.Account.Write {
		said = append(said, "what belongs to no channel, such as profiles and teams, cannot be changed")
	}
	for _, limit := range []struct {
		n    int64
		what string
	}{
		{int64(p.Limits.MessagesPerMinute), "messages a minute"},
		{int64(p.Limits.MessagesPerHour), "messages an hour"},
		{int64(p.Limits.ChannelMessagesPerMinute), "messages a minute to a channel"},
		{int64(p.Limits.ChannelMessagesPerHour), "messages an hour to a channel"},
		{p.Limits.AttachmentBytesPerHour, "bytes of attachments an hour"},
	} {
		if limit.n > 0 {
			said = append(said, fmt.Sprintf("at most %d %s", limit.n, limit.what))
		}
	}
	return said
}

// named lists patterns, each once.
func named(patterns []Pattern) string {
	var all []string
	for _, pattern := range patterns {
		if said := fmt.Sprintf("%q", string(pattern)); !slices.Contains(all, said) {
			all = append(all, said)
		}
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

// place is what patterns look at.
type place struct {
	id      flow.ChannelID
	org     flow.OrgID
	teams   []string // names that mean the team, folded
	channel string   // what it is called; of a direct conversation @ and the other's name
	direct  bool
	with    flow.AccountID // whom a direct conversation is with
	names   []string       // names that mean that person, folded
}

// verdict says what may be done with a channel.
type verdict struct {
	read, write bool
	org         flow.OrgID
}

func (p *Policy) judge(at place) verdict {
	fits := func(list []Pattern) bool {
		return slices.ContainsFunc(list, func(pattern Pattern) bool { return pattern.fits(at) })
	}
	v := verdict{write: fits(p.Channels.Write), org: at.org}
	v.read = p.Channels.Read == nil || v.write || fits(p.Channels.Read)
	if !p.Closes() {
		v.write = true
	}
	return v
}

// String is the place as a person knows it.
func (at place) String() string {
	return strings.Join(append(at.teams[:min(1, len(at.teams)):1], at.channel), "/")
}
