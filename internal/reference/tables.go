package reference

import (
	"encoding/json"
	"fmt"
	"go/constant"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite"
)

func everyObject() []reflect.Type {
	var results, parameters []reflect.Type
	for _, op := range flow.Catalogue() {
		in, out := op.Types()
		results, parameters = append(results, out), append(parameters, in)
	}
	for _, e := range flow.Events() {
		results = append(results, e.DataType())
	}
	return objects(results, parameters)
}

func (p *page) objects() {
	p.text("## Objects\n")
	p.text("What results, notifications and parameters are made of. Lists are never null.\n")
	for _, t := range everyObject() {
		p.text("### Object %s\n", t.Name())
		if comment := p.source.comments[t.Name()]; comment != "" {
			p.text("%s\n", says(t.Name(), comment))
		}
		rows := [][]string{{"field", "type", "meaning"}}
		for _, m := range members(t) {
			meaning := m.meaning
			if m.optional {
				meaning = strings.TrimSpace(meaning + " *Left out when empty.*")
			}
			rows = append(rows, []string{"`" + m.name + "`", m.kind, meaning})
		}
		p.table(rows...)
	}
}

// scalars lists the types that stand for text and numbers, with the values that have names.
func (p *page) scalars() {
	p.text("## Identifiers and words\n")
	rows := [][]string{{"type", "JSON", "meaning", "values"}}
	for _, t := range everyScalar() {
		var values []string
		for _, c := range p.source.of(t.Name()) {
			values = append(values, fmt.Sprintf("`%s` %s", bare(c.value), c.name))
		}
		comment := says(t.Name(), p.source.comments[t.Name()])
		rows = append(rows, []string{t.Name(), basic(t), comment, strings.Join(values, ", ")})
	}
	p.table(rows...)
}

func bare(v constant.Value) string {
	if v.Kind() == constant.String {
		return constant.StringVal(v)
	}
	return v.ExactString()
}

// everyScalar returns the types of package flow that are text or numbers on the wire.
func everyScalar() []reflect.Type {
	found := map[reflect.Type]bool{}
	var visit func(t reflect.Type, above int)
	visit = func(t reflect.Type, above int) {
		switch t = indirect(t); {
		case above > 10 || t == reflect.TypeFor[json.RawMessage]():
		case t.Kind() == reflect.Struct:
			for i := range t.NumField() {
				visit(t.Field(i).Type, above+1)
			}
		case t.Kind() == reflect.Slice:
			visit(t.Elem(), above+1)
		case t.Kind() == reflect.Map:
			visit(t.Key(), above+1)
			visit(t.Elem(), above+1)
		case t.PkgPath() == flowPackage && t.Kind() != reflect.Interface:
			found[t] = true
		}
	}
	for _, op := range flow.Catalogue() {
		in, out := op.Types()
		visit(in, 0)
		visit(out, 0)
	}
	for _, e := range flow.Events() {
		visit(e.DataType(), 0)
	}
	visit(reflect.TypeFor[flow.Call](), 0)
	var all []reflect.Type
	for t := range found {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b reflect.Type) int { return strings.Compare(a.Name(), b.Name()) })
	return all
}

func (p *page) notifications() {
	p.text("## Notifications\n")
	p.text("WaitForNotification returns them as {\"type\", \"data\", \"seq\"}, in the order of the account's log and once for\n" +
		"each device, across restarts: the next call acknowledges what the last one returned, and what a program has not taken comes again.\n" +
		"seq is the place in the log; what is of the moment only has none.\n")
	rows := [][]string{{"type", "data", "when"}}
	for _, e := range flow.Events() {
		when := e.Summary()
		if !slices.Contains(told, string(e.Type())) {
			when += " *Not of Flow.*"
		}
		schema := fmt.Sprintf("[`%s`](../schemas/notifications/%[1]s.json)", e.Type())
		rows = append(rows, []string{schema, wireType(e.DataType()), when})
	}
	p.table(rows...)
	p.text("### Event codes\n\nWhat EventCode of a notify-event says.\n")
	rows = [][]string{{"code", "name", "meaning"}}
	for _, c := range p.source.constants {
		if text, ok := strings.CutPrefix(c.comment, c.name+": "); ok && c.kind == "" && c.value.Kind() == constant.Int && isCode(c) {
			rows = append(rows, []string{bare(c.value), c.name, sentence(text)})
		}
	}
	p.table(rows...)
}

// isCode tells event codes from other numbers.
func isCode(c fixed) bool { return strings.HasSuffix(c.file, "notification.go") }

func (p *page) errors() {
	p.text("## Errors\n")
	p.text("An error is a sentence that says what is wrong and what to do. Our own backends add its code to the reply, as\n" +
		"\"code\". Which operation refuses with which code stands with it; any may also fail with those below that are not\n" +
		"about the request: without a started account, when the backend goes away, when the disk is full.\n")
	rows := [][]string{{"code", "meaning"}}
	for _, c := range p.source.of("Code") {
		_, text, _ := strings.Cut(c.comment, ": ")
		rows = append(rows, []string{"`" + bare(c.value) + "`", sentence(text)})
	}
	p.table(rows...)
}

func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

var stateNames = map[flow.MemberState]string{
	flow.Owner: "owners", flow.Admin: "admins", flow.Member: "members", flow.Banned: "banned",
	sqlite.Asking: "who asks to join",
}

func states(all []flow.MemberState) string {
	var called []string
	for _, s := range all {
		called = append(called, stateNames[s])
	}
	return names(called)
}

func (p *page) rights() {
	p.text("## Rights\n")
	p.text("Who may do what in a team, in a channel, or with the accounts and domains of this machine, which is a right in its own team.\n" +
		"To everybody else the place does not exist. What is not listed is for every account, and about its own things.\n")
	columns := []flow.MemberState{flow.Owner, flow.Admin, flow.Member, sqlite.Asking}
	head := []string{"in a", "may", "operation"}
	for _, s := range columns {
		head = append(head, stateNames[s])
	}
	rows := [][]string{head}
	for _, r := range sqlite.Rights() {
		row := []string{r.Place, r.May, link(r.Operation, strings.ToLower(r.Operation))}
		for _, s := range columns {
			mark := ""
			if slices.Contains(r.States, s) {
				mark = "yes"
			}
			row = append(row, mark)
		}
		rows = append(rows, row)
	}
	p.table(rows...)
	p.text("In a direct conversation both are members. What is for owners and admins of a channel is there for nobody: neither\n" +
		"deletes it or messages of the other, limits what it keeps, or changes who is in it. Each may leave, by its own state b.\n")
	p.text("Some operations are for accounts of one kind, in addition to their states, and some not for those of others:\n")
	for _, operation := range slices.Sorted(maps.Keys(sqlite.Offices())) {
		p.text("- %s: %s.", link(operation, strings.ToLower(operation)), sqlite.Offices()[operation])
	}
	for _, operation := range slices.Sorted(maps.Keys(sqlite.Bonds())) {
		p.text("- %s: %s.", link(operation, strings.ToLower(operation)), names(sqlite.Bonds()[operation]))
	}
	p.text("")
	p.changes()
	p.text("### Locks\n\nAn account under a full lock can do nothing; only the operations of the process, which are about no account,\n"+
		"still answer on its sessions: %s.\n"+
		"Under the lock of a directory it can also do what leads out of it:\n%s.\n",
		names(needing(flow.NeedsNothing)), names(sqlite.Freedoms()))
}

// changes says who may bring whom to which state.
func (p *page) changes() {
	p.text("### Changes of state\n")
	p.text("To which states an account may bring another one, and itself, in a team or a channel. In a channel an admin\n" +
		"who owns the team counts as an owner. That is how a channel comes to owners, since who creates it is its admin;\n" +
		"only a direct conversation has none, and its two people stay equals.\n")
	from := []flow.MemberState{"", flow.Owner, flow.Admin, flow.Member, flow.Banned}
	head := []string{"an account that is", "of no member", "of an owner", "of an admin", "of a member", "of who is banned", "of itself"}
	rows := [][]string{head}
	for _, own := range []flow.MemberState{flow.Owner, flow.Admin, flow.Member} {
		row := []string{strings.TrimSuffix(stateNames[own], "s")}
		for _, state := range from {
			row = append(row, letters(sqlite.Changes(own, state, false)))
		}
		rows = append(rows, append(row, letters(sqlite.Changes(own, own, true))))
	}
	p.table(rows...)
	p.text("A team and its last owner stay together: the last owner can neither leave nor step down. A channel that has\n"+
		"members has somebody who administers it: its last owner or admin can leave when nobody else is in it, and step\n"+
		"down when there is another. Nobody stays in a team for that: where its last admin leaves the team, a channel gets\n"+
		"another one among its members, see %s.\n", link("SetOrgMemberState", "setorgmemberstate"))
}

func letters(all []flow.MemberState) string {
	var text []string
	for _, s := range all {
		text = append(text, "`"+string(s)+"`")
	}
	return strings.Join(text, " ")
}

func (p *page) limits() {
	p.text("## Limits\n")
	rows := [][]string{{"limit", "meaning", "in Go"}}
	for _, c := range p.source.limits() {
		rows = append(rows, []string{amount(c.value), sentence(strings.TrimPrefix(c.comment, c.name+" is ")), "`flow." + c.name + "`"})
	}
	p.table(rows...)
}

// amount writes round numbers of bytes so that they can be read.
func amount(v constant.Value) string {
	n, _ := constant.Int64Val(v)
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return strconv.FormatInt(n>>30, 10) + " Gi"
	case n >= 1<<20 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + " Mi"
	case n >= 1<<10 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + " Ki"
	}
	return strconv.FormatInt(n, 10)
}
