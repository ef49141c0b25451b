package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParse(t *testing.T) {
	p, err := Parse([]byte(`
confirm = ["destructive", "first-message"]
[channels]
read = ["Home/*", "@ana"]
write = ["Home/general"]
[limits]
messages_per_minute = 5
[files]
save_to = ["/tmp"]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := &Policy{
		Confirm:  []Rule{Destructive, FirstMessage},
		Channels: Channels{Read: []Pattern{"Home/*", "@ana"}, Write: []Pattern{"Home/general"}},
		Limits:   Limits{MessagesPerMinute: 5},
		Files:    Files{Save: []string{"/tmp"}},
	}
	if diff := cmp.Diff(want, p, cmpopts.IgnoreUnexported(Policy{})); diff != "" {
		t.Error(diff)
	}
	said := []string{`channels to read: "Home/*", "@ana", "Home/general"`, `channels to write: "Home/general"`,
		"what belongs to no channel, such as profiles and teams, cannot be changed", "at most 5 messages a minute"}
	if diff := cmp.Diff(said, p.Describe(false)); diff != "" {
		t.Error(diff)
	}
}

// One text stands for a list of it.
func TestTextForAList(t *testing.T) {
	p, err := Parse([]byte("confirm = \"never\"\n[channels]\nread = \"Home/*\"\n[files]\nsend_from = \"/tmp\"\n"))
	if err != nil || !p.Has(Never) || len(p.Channels.Read) != 1 || len(p.Files.Send) != 1 {
		t.Errorf("the policy is %+v: %v", p, err)
	}
	if p, err := Parse([]byte(`confirm = "auto"`)); err != nil || !p.Has(Auto) {
		t.Errorf("the policy is %+v: %v", p, err)
	}
}

// The sample that people copy from the documentation is a policy.
func TestSample(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, sample, found := strings.Cut(string(readme), "```toml\n")
	sample, _, closed := strings.Cut(sample, "```")
	if !found || !closed {
		t.Fatal("the documentation has no sample")
	}
	p, err := Parse([]byte(sample))
	if err != nil || !p.Closes() || !p.Has(ForeignWords) || p.Limits.MessagesPerMinute != 10 {
		t.Errorf("the sample is %+v: %v", p, err)
	}
}

func TestMistakesAreToldWithTheirLine(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"syntax":         {"[channels]\nread = [\"a\"\nwrite = 1", []string{"line 3"}},
		"type":           {"[limits]\nmessages_per_minute = \"five\"", []string{"line 2: limits.messages_per_minute must be a whole number without quotes"}},
		"unknown key":    {"[channels]\nraed = []", []string{"line 2", `there is no "channels.raed"`, "there are read, write"}},
		"unknown table":  {"[chanels]\nread = []", []string{"chanels", "there are confirm, channels, account, limits, files"}},
		"twice":          {"[channels]\nread = []\nread = []", []string{"line 3"}},
		"unknown rule":   {`confirm = ["sometimes"]`, []string{`there is no rule "sometimes"`, "first-message"}},
		"contradiction":  {"\nconfirm = [\"never\", \"always\"]", []string{"line 2", "never excludes"}},
		"empty pattern":  {"[channels]\nread = [\"\"]", []string{"a pattern is empty"}},
		"no channel":     {"[channels]\nread = [\"Home/\"]", []string{`"Home/" names no channel`}},
		"link elsewhere": {"[channels]\nread = [\"flow://orgs/X\"]", []string{"no link to a channel"}},
		"negative":       {"[limits]\nmessages_per_hour = -1", []string{"line 2: limits.messages_per_hour is -1", "leave it out for none"}},
		"zero":           {"[limits]\n\nmessages_per_hour = 0", []string{"line 3: limits.messages_per_hour is 0", "leave it out for none", "write = []"}},
		"no bytes":       {"[files]\nmax_bytes = 0", []string{"line 2: files.max_bytes is 0", "send_from = []"}},
		"no list":        {"[channels]\nwrite = true", []string{"line 2: channels.write must be a list of channels such as"}},
		"numbers":        {"[channels]\nread = [5]", []string{"line 2: channels.read must be a list of channels such as"}},
		"no text":        {"confirm = 5", []string{"line 1: confirm must be \"never\", or a list such as"}},
		"no truth":       {"[account]\nwrite = \"no\"", []string{"line 2: account.write must be true or false, without quotes"}},
		"no table":       {"limits = 4", []string{"line 1: limits must be a table"}},
		"key of two":     {"[account]\nwrite = false\n[channels]\nread = [\"*\"]\nwrite = [\"\"]", []string{"line 5: channels.write"}},
		"dotted key":     {"account.write = false\nchannels.write = [\"\"]", []string{"line 2: channels.write"}},
		"byte order":     {"\ufeff[channels]\nwrite = [\"\"]", []string{"line 2: channels.write"}},
		"nobody":         {"[channels]\nread = [\"@\"]", []string{`line 2: channels.read: "@" names no channel`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "policy.toml")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Load(path)
			for _, part := range append(test.want, path) {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("the error is %v, want %q in it", err, part)
				}
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.toml")); err == nil {
		t.Error("a missing file is no error")
	}
}

func TestPatterns(t *testing.T) {
	home := []string{"home"}
	general := place{id: "CH1", org: "ORG1", teams: home, channel: "general"}
	slash := place{id: "CH2", org: "ORG2", teams: []string{"home/x"}, channel: "y"}
	deep := place{id: "CH3", org: "ORG1", teams: home, channel: "a/b"}
	ana := place{id: "CH4", org: "ORG1", teams: home, channel: "@anna", direct: true, with: "ACC1", names: []string{"ana", "anna"}}
	liar := place{id: "CH5", org: "ORG1", teams: home, channel: "@ana"} // a channel that calls itself so
	hash := place{id: "CH7", org: "ORG1", teams: home, channel: "#x"}
	thief := place{id: "CH8", org: "ORG1", teams: home, channel: "@ana", direct: true, with: "ACC2"} // who took the name
	robot := place{id: "CH9", org: "ORG1", teams: home, channel: "@a/b", direct: true, with: "ACC3", names: []string{"a/b"}}
	const named = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" // the id of another
	tests := []struct {
		pattern Pattern
		at      place
		want    bool
	}{
		{"Home/general", general, true},
		{"HOME/GENERAL", general, true},
		{"Home/gen*", general, true},
		{"Home/*al", general, true},
		{"Home/g*n*l", general, true},
		{"Home/g*x*l", general, false},
		{"Home/general*general", general, false},
		{"general", general, true},
		{"*", general, true},
		{"*/*", general, true},
		{"Design/general", general, false},
		{"ORG1/*", general, true},
		{"org1/*", general, false},
		{"CH1", general, true},
		{"flow://channels/Home%2Fgeneral", general, true},
		{named, place{id: named}, true},
		{named, place{id: "CH6", org: "ORG1", teams: home, channel: named}, false},
		{"@" + named, place{direct: true, with: named}, true},
		{"flow://accounts/" + named, place{direct: true, with: named}, true},
		{named, place{direct: true, with: named}, true},
		{"@" + named, place{direct: true, with: "ACC4", names: []string{strings.ToLower(named)}}, false},
		{"#general", general, true},
		{"Home/#general", general, true},
		{"#Home/general", general, true},
		{"#x", hash, true},
		{"Home/x", hash, false},
		{"#@ana", liar, true},
		{"#@ana", ana, false},
		{"ch1", general, false},
		{"flow://channels/CH1", general, true},
		{"flow://channels/CH2", general, false},
		{"Home/*", slash, false},
		{"ORG2/*", slash, true},
		{"Home/*", deep, true},
		{"*", ana, false},
		{"Home/*", ana, false},
		{"@*", ana, true},
		{"@Ana", ana, true},
		{"Home/@ana", ana, true},
		{"@ben", ana, false},
		{"@anna", ana, true},
		{"Home/@ACC1", ana, true},
		{"flow://accounts/ACC1", ana, true},
		{"flow://accounts/ana", ana, true},
		{"@ana", thief, false},
		{"@a*", thief, false},
		{"@*", thief, true},
		{"@ACC2", thief, true},
		{"@a/b", robot, true},
		{"@ana", liar, false},
		{"@*", liar, false},
		{"Home/*", liar, true},
	}
	for _, test := range tests {
		if got := test.pattern.fits(test.at); got != test.want {
			t.Errorf("%q fits %v: %v, want %v", test.pattern, test.at, got, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("[channels]\nread = [\"*\"]\n[limits]\nmessages_per_hour = 9")
	f.Add("confirm = [\"never\"]")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse([]byte(text))
		if err != nil {
			return
		}
		p.judge(place{id: "C", org: "O", teams: []string{"t"}, channel: "c"})
		_ = p.Describe(false)
	})
}
