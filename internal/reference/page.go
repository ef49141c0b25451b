package reference

import (
	"fmt"
	"go/constant"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite"
	"github.com/flow-mcp/flow-mcp/tools"
)

// Page returns the documentation of the API in Markdown. Refusals says with which codes
// each operation is known to fail.
func Page(refusals map[string][]flow.Code) ([]byte, error) {
	s, err := readSource()
	if err != nil {
		return nil, err
	}
	p := &page{source: s, refusals: refusals}
	p.text(introduction, names(needing(flow.NeedsNothing)), names(needing(flow.NeedsSession)))
	p.contents()
	for _, g := range groups() {
		p.group(g)
	}
	p.objects()
	p.scalars()
	p.notifications()
	p.errors()
	p.rights()
	p.limits()
	return []byte(strings.TrimRight(p.out.String(), "\n") + "\n"), nil
}

const introduction = `# The Flow API

<!-- Written by go test ./internal/reference -update. -->

What a backend of Flow can do, as the engines of this project do it. A program calls it
through package [flow](doc.go), as MCP tools, or over the wire.

## First call

` + "`flow-mcp backend 0`" + ` writes one line to standard output, {"token":"...", "port":"..."}, and serves
until it is stopped. Calls are sent there with POST and the Content-Type application/json. First
Config, then NewSession, then an account is started on the session: StartUp one that has a
device on this machine, StartUpLocal makes it when there is none.

    call() { curl -s -H 'Content-Type: application/json' -d "$1" http://127.0.0.1:$PORT/rpc; }
    call '{"method":"Config","params":[{}],"token":"'$TOKEN'"}'
    call '{"method":"NewSession","params":[{}],"token":"'$TOKEN'"}'
    call '{"method":"StartUpLocal","params":[{"SessionID":1,"Username":"ana"}],"token":"'$TOKEN'"}'
    call '{"method":"NewOrg","params":[{"SessionID":1,"Name":"Team","RequestID":"first"}],"token":"'$TOKEN'"}'

A call is answered with the status 200 and {"result"} or {"error", "code"}, also when it fails
or the token is wrong. What is no call has another status: 400 a body that is no request, 403
another Host or a web page, 404 another path than /rpc, 405 another method than POST, 413 a body
that is too long, 415 another Content-Type, 503 too many calls at once.

Every operation takes a SessionID. Those of the process answer without one, and look at none that
they are given: %[1]s.
The others need a session that NewSession has opened. All but those that start an account, and but
%[2]s, need one that is started on it.

Each operation that changes something takes a RequestID, any text: repeating the call with the same
one and the same parameters does nothing and answers as it did the first time, with
"repeated":true beside the result; with other parameters it is refused. NewAttachment may
name another copy of the same file. Config, StartUp, StartUpLocal, Pause, Resume and
CancelRendezvous need no RequestID, since twice is as good as once, and StartD2DRendezvous
starts another one each time. A call that makes an account or a device is repeated on its
own session. Names of methods are
case-sensitive; names of parameters match without regard to case, null stands for what is
left out, and unknown ones are ignored. Tools have the same parameters in snake case, take
names for identifiers, and need no session.

What was asked for and a result does not hold, our own backends say beside it as "missing",
an object with those that apply: "deleted", how many messages of the part that was read are
gone; "retention", what the channel keeps, when that may be why; "older" and "newer", true when
the answer was full, or a search over, before such messages; "wordsOnly", true when older ones
were searched for beginnings of words alone; "unindexed", how many places of the log a search
could not look at yet.

What an operation does to the world: one that *reads* changes nothing; *writes* adds
something, twice when done twice; *sets* gives something a value; *destroys* removes what
others can miss; *protocol* keeps the connection going. Such operations are not tools, nor
those with a secret that must not pass through a model.
`

type page struct {
	out      strings.Builder
	source   *source
	refusals map[string][]flow.Code
}

func (p *page) text(format string, args ...any) {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	p.out.WriteString(format)
	p.out.WriteByte('\n')
}

// table writes rows of cells, the first of which are the heads.
func (p *page) table(rows ...[]string) {
	for i, row := range rows {
		for j := range row {
			row[j] = strings.ReplaceAll(row[j], "|", `\|`)
		}
		p.text("| " + strings.Join(row, " | ") + " |")
		if i == 0 {
			p.text("|" + strings.Repeat("---|", len(row)))
		}
	}
	p.text("")
}

// needing returns the operations with a need, without those that start an account.
func needing(what flow.Need) []string {
	var all []string
	for _, op := range flow.Catalogue() {
		if info := op.Info(); info.Needs == what && !info.Starts {
			all = append(all, info.Name)
		}
	}
	slices.Sort(all)
	return all
}

// names writes several names as one would say them.
func names(all []string) string {
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	return strings.Join(all[:len(all)-1], ", ") + " and " + all[len(all)-1]
}

// groups returns the groups of operations in the order of the catalogue.
func groups() []flow.Group {
	var all []flow.Group
	for _, op := range flow.Catalogue() {
		if g := op.Info().Group; !slices.Contains(all, g) {
			all = append(all, g)
		}
	}
	return all
}

func inGroup(g flow.Group) []flow.AnyOperation {
	return slices.DeleteFunc(flow.Catalogue(), func(op flow.AnyOperation) bool { return op.Info().Group != g })
}

func link(text, anchor string) string { return "[" + text + "](#" + anchor + ")" }

// contents leads to everything on the page.
func (p *page) contents() {
	p.text("## Contents\n")
	rows := [][]string{{"group", "operations"}}
	for _, g := range groups() {
		var names []string
		for _, op := range inGroup(g) {
			name := op.Info().Name
			names = append(names, link(name, strings.ToLower(name)))
		}
		rows = append(rows, []string{link(string(g), "operations-"+string(g)), strings.Join(names, ", ")})
	}
	p.table(rows...)
	p.text("Then: " + strings.Join([]string{link("objects", "objects"), link("identifiers and words", "identifiers-and-words"),
		link("notifications", "notifications"), link("errors", "errors"), link("rights", "rights"), link("limits", "limits")}, ", ") + ".\n")
}

func (p *page) group(g flow.Group) {
	p.text("## Operations: %s\n", g)
	for _, c := range p.source.of("Group") {
		if constant.StringVal(c.value) == string(g) {
			name := p.source.groups[c.file]
			p.text("%s\n", sentence(strings.TrimPrefix(p.source.comments[name], name+groupComment)))
		}
	}
	for _, op := range inGroup(g) {
		p.operation(op)
	}
}

// says drops the name that a Go comment begins with: "NewOrgInput makes a team" is "Makes
// a team", "Org is a team" is "A team".
func says(name, comment string) string {
	rest, ok := strings.CutPrefix(comment, name+" ")
	if !ok {
		return comment
	}
	return sentence(strings.TrimPrefix(rest, "is "))
}

// onlyNames matches what a comment says that says nothing.
var onlyNames = regexp.MustCompile(`^(Names [^.]*|Has no parameters)\.( Flow: \w+\.)?$`)

// more is what a comment on parameters says beyond their table.
func more(comment string) string {
	if onlyNames.MatchString(comment) {
		return ""
	}
	return strings.TrimPrefix(comment, "Has no parameters. ")
}

func (p *page) operation(op flow.AnyOperation) {
	info := op.Info()
	in, out := op.Types()
	p.text("### %s\n\n%s\n", info.Name, info.Summary)
	facts := []string{"*" + string(info.Effect) + "*"}
	if tool, ok := tools.Name(info); ok {
		facts = append(facts, fmt.Sprintf("tool [`%s`](../schemas/%[1]s.json)", tool))
	}
	if _, flows := recorded[info.Name]; flows {
		facts = append(facts, "embedded engine and installed semaphor-backend")
	} else {
		facts = append(facts, "embedded engine only, since Flow has no such operation")
	}
	p.text(strings.Join(facts, " · ") + "\n")
	if info.Neutral != "" {
		p.text("**Neutral here:** %s\n", info.Neutral)
	}
	p.parameters(info.Name, in)
	p.text("Result: %s.", wireType(out))
	if comment := more(says(in.Name(), p.source.comments[in.Name()])); comment != "" {
		p.text(comment)
	}
	p.text("")
	if text := p.mayDo(info.Name); text != "" {
		p.text("Rights: %s.\n", text)
	}
	if codes := p.refusals[info.Name]; len(codes) > 0 {
		p.text("Errors, as the behaviour suite has seen them: %s.\n", codeList(codes))
	}
}

func (p *page) parameters(operation string, in reflect.Type) {
	all := members(in)
	if len(all) == 0 {
		return
	}
	known, flows := recorded[operation]
	rows := [][]string{{"parameter", "type", "meaning"}}
	for _, m := range all {
		meaning := m.meaning
		if meaning == "" {
			meaning = "Accepted and not used."
		}
		if m.optional {
			meaning += " *Optional.*"
		}
		if flows && !slices.Contains(known, m.name) {
			meaning += " *Not of Flow.*"
		}
		rows = append(rows, []string{"`" + m.name + "`", m.kind, meaning})
	}
	p.table(rows...)
}

func (p *page) mayDo(operation string) string {
	var all []string
	for _, r := range sqlite.Rights() {
		if r.Operation == operation {
			all = append(all, fmt.Sprintf("%s of the %s may %s", states(r.States), r.Place, r.May))
		}
	}
	if office := sqlite.Offices()[operation]; office != "" {
		all = append(all, office)
	}
	all = append(all, sqlite.Bonds()[operation]...)
	return strings.Join(all, "; ")
}

func codeList(codes []flow.Code) string {
	var all []string
	for _, code := range codes {
		all = append(all, link("`"+string(code)+"`", "errors"))
	}
	return strings.Join(all, ", ")
}
