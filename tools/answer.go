package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

// answer makes both forms of a result.
func (v *view) answer(ctx context.Context, c *call, viewer *viewer, raw json.RawMessage) (*answer, error) {
	p := &page{view: v, call: c, viewer: viewer}
	p.nameSubject(ctx)
	if v.shape.each != nil {
		body, err := p.listing(ctx, raw)
		if err != nil {
			return nil, err
		}
		return p.finish(body, p.link(nil)), nil
	}
	shown, err := v.shape.show(ctx, p.viewer, raw)
	if err != nil {
		return nil, err
	}
	return p.finish(p.body(ctx, shown), p.link(shown)), nil
}

// body writes what is no list of records.
func (p *page) body(ctx context.Context, shown any) (body string) {
	members, isRecord := shown.(record)
	entries, isList := shown.(items)
	_, isDictionary := shown.(dictionary)
	switch {
	case p.nothing:
		p.root = append(p.root, entry{"done", true})
		p.head = p.deed(ctx)
	case p.list && p.kind == transcript:
		body = p.transcript(ctx, entries)
	case p.kind == object:
		p.head = p.called(members)
		body = p.lines(p.cutEvents(members))
	case isRecord || isList || isDictionary:
		body = p.lines(record{{p.key, shown}})
	default:
		shown, left := p.viewer.shrink(shown, bodyBytes)
		p.cut(p.key, left)
		p.root = append(p.root, entry{p.key, shown})
		what := strings.ReplaceAll(p.key, "_", " ")
		if _, own := shown.(ownID); own {
			what = strings.TrimSuffix(what, " id") // the name follows; the link has the identifier
		}
		p.head = what + " " + inline(shown)
		if made, is := p.made(inline(shown)); is {
			p.head, p.subject = made, "" // the name says the team
			p.root = append(p.root, entry{"created", !p.existed})
		}
	}
	return body
}

// deed says what was done by a call without a result: also to whom, and which of several
// things that the tool can do.
func (p *page) deed(ctx context.Context) string {
	var about []string
	for _, f := range p.form.fields {
		value, _ := get(p.resolved, f.path)
		text, _ := value.(string)
		list, _ := value.([]any)
		switch {
		case len(list) > 0:
			p.root = append(p.root, entry{f.name, len(list)})
			about = append(about, count(len(list), strings.ReplaceAll(strings.TrimSuffix(f.name, "s"), "_", " ")))
		case text == "" || f.list:
		case f.kind == messageID:
			p.root = append(p.root, entry{f.name, p.viewer.clean(text)})
			about = append(about, "["+p.viewer.refs.of(flow.MessageID(text))+"]")
		case f.kind == accountID:
			who := p.viewer.use(p.viewer.account(ctx, flow.AccountID(text)))
			p.root = append(p.root, entry{f.name, who})
			about = append(about, who.inline())
		case len(f.choices()) > 0:
			p.root = append(p.root, entry{f.name, text})
			about = append(about, strings.ReplaceAll(f.name, "_", " ")+" "+text)
		}
	}
	done := "Done: " + p.action
	if p.existed {
		done = "Nothing was changed: " + p.action
		p.root = append(p.root, entry{"unchanged", true})
	}
	if len(about) == 0 {
		return done
	}
	return done + " (" + strings.Join(about, ", ") + ")"
}

// lines adds members to the result and returns what of them there is room for as text.
func (p *page) lines(members record) string {
	before := len(p.root)
	p.root = append(p.root, members...)
	p.bound()
	return p.root[before:].lines()
}

// page is one result that is being written.
type page struct {
	*view
	*call
	viewer  *viewer
	subject name     // what all of it is about, if that is one thing
	empty   bool     // it is a list without entries
	root    record   // the structured form
	head    string   // what the first line says before the link
	foot    []string // lines at the end, about what is missing
	cuts    []string // parts of which there is no more
}

// nameSubject begins the result with what the parameters say of all of it.
func (p *page) nameSubject(ctx context.Context) {
	switch {
	case p.known[channelID] && p.channel.ID != "":
		p.subject = p.viewer.use(p.viewer.channel(ctx, p.channel.ID))
		p.root = append(p.root, entry{"channel", p.subject})
	case p.known[teamID] && p.team.ID != "":
		p.subject = p.viewer.use(p.viewer.team(ctx, p.team.ID))
		p.root = append(p.root, entry{"org", p.subject})
	}
}

// link returns the link to what the result is, or else to what it is about.
func (p *page) link(shown any) string {
	switch shown := shown.(type) {
	case ownID:
		return shown.link.String()
	case mention:
		if p.channel.ID != "" {
			return flow.Link{Channel: p.channel.ID, Message: flow.MessageID(shown.id)}.String()
		}
	case record:
		for _, e := range shown {
			if own, ok := e.value.(ownID); ok && own.link != (flow.Link{}) {
				return own.link.String()
			}
		}
	}
	if p.message != "" && p.nothing && p.known[channelID] {
		return flow.Link{Channel: p.channel.ID, Message: p.message}.String()
	}
	if id, ok := p.resolved[p.file].(string); ok && p.file != "" {
		return flow.Link{Attachment: flow.AttachmentID(id)}.String()
	}
	if p.known[channelID] {
		return linkTo(channelID, string(p.channel.ID)).String()
	}
	return linkTo(teamID, string(p.team.ID)).String()
}

// called returns the name of what a single record is about, unless it is said anyway.
func (p *page) called(members record) string {
	for _, e := range members {
		if own, ok := e.value.(ownID); ok && p.subject == "" && string(own.name) != string(own.id) {
			return own.name.inline()
		}
	}
	return ""
}

// transcript writes messages oldest first.
func (p *page) transcript(ctx context.Context, shown items) string {
	messages := make([]message, len(shown))
	for i, one := range shown {
		messages[i] = one.(message)
	}
	if p.newest {
		slices.Reverse(messages)
	}
	messages, left := p.newestHits(messages)
	onwards := p.text("after") != ""
	kept := p.viewer.budget(softJSON).fit(messages, onwards)
	left += len(messages) - len(kept)
	more := left > 0 || len(messages) >= p.number("limit", flow.MaxMessages) || p.missing.Older || p.missing.Newer
	p.head = count(len(kept), "message")
	if len(kept) > 1 {
		p.head += ", oldest first"
	}
	p.empty = len(kept) == 0
	one := p.text("message") != ""
	p.complete(ctx, p.paged && !more && !onwards && !one, len(kept))
	p.root = append(p.root, entry{p.key, kept})
	switch {
	case !p.paged:
		if left > 0 {
			p.leave(left)
		}
	case len(kept) > 0 && !one:
		p.turn(kept, more && !onwards, more && onwards)
	}
	p.sayCut(kept)
	var out strings.Builder
	writeTranscript(&out, kept)
	return out.String()
}

// turn says how to read on in both directions.
func (p *page) turn(kept []message, older, newer bool) {
	first, last := kept[0], kept[len(kept)-1]
	if older || p.text("after") != "" {
		p.root = append(p.root, entry{"older", first.ID})
	}
	if newer || p.text("before") != "" || p.text("after") != "" {
		p.root = append(p.root, entry{"newer", last.ID})
	}
	if older {
		p.foot = append(p.foot, fmt.Sprintf("There may be older messages: before=%s.", first.ref))
	}
	if newer {
		p.foot = append(p.foot, fmt.Sprintf("There may be newer messages: after=%s.", last.ref))
	}
}

// sayCut says how messages are read as a whole that are shown cut.
func (p *page) sayCut(kept []message) {
	way, shown := wholeWith, slices.Clone(kept)
	if p.paged {
		way = "this tool with message"
	}
	for i := range shown {
		if shown[i].Channel == "" {
			shown[i].Channel = p.subject
		}
	}
	if notes := cutNotes(shown, p.paged); len(notes) > 0 {
		p.foot = append(p.foot, notes...)
		p.root = append(p.root, entry{"whole_with", way})
	}
}

// leave says that entries at the end were left out.
func (p *page) leave(left int) {
	p.root = append(p.root, entry{"not_shown", left})
	p.foot = append(p.foot, fmt.Sprintf("%d more are not shown; ask for something narrower.", left))
}

// listing writes the entries of a list that were asked for and that fit. Those that are
// not shown are not looked at, unless to find out whether they were asked for.
func (p *page) listing(ctx context.Context, raw json.RawMessage) (string, error) {
	all, err := p.matching(ctx, raw)
	if err != nil {
		return "", err
	}
	skip := min(p.number(offsetName, 0), len(all))
	each := entryBytes
	if len(all) == 1 {
		each = bodyBytes
	}
	var out strings.Builder
	room, cut := p.viewer.budget(bodyBytes), 0
	shown := items{}
	for _, raw := range all[skip:] {
		removed := p.viewer.removed
		one, err := p.shape.each(ctx, p.viewer, raw)
		if err != nil {
			return "", err
		}
		one, left := p.viewer.shrink(one, each)
		line := "- " + inline(one) + "\n"
		if !room.take(one, line) {
			p.viewer.removed = removed
			break
		}
		out.WriteString(line)
		shown = append(shown, one)
		if left != (trimmed{}) {
			cut++
		}
	}
	p.listed(shown, skip, len(all))
	p.sayTrimmed(cut, len(all))
	return out.String(), nil
}

// matching returns the entries of a list that have in them what was asked for.
func (p *page) matching(ctx context.Context, raw json.RawMessage) ([]json.RawMessage, error) {
	var all []json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	query := flow.Fold(p.text(queryName))
	if query == "" {
		return all, nil
	}
	looking := &viewer{namer: p.viewer.namer} // what it sees is not shown
	var found []json.RawMessage
	for _, raw := range all {
		one, err := p.shape.each(ctx, looking, raw)
		if err != nil {
			return nil, err
		}
		if strings.Contains(flow.Fold(inline(one)), query) {
			found = append(found, raw)
		}
	}
	return found, nil
}

// listed says how many entries of a list are shown, and how to read on.
func (p *page) listed(shown items, skip, total int) {
	p.empty = len(shown) == 0
	p.head = count(len(shown), strings.ReplaceAll(strings.TrimSuffix(p.key, "s"), "_", " "))
	if len(shown) < total {
		p.head += fmt.Sprintf(" of %d", total)
	}
	p.root = append(p.root, entry{p.key, shown})
	if left := total - skip - len(shown); left > 0 {
		p.root = append(p.root, entry{"not_shown", left})
		p.foot = append(p.foot, fmt.Sprintf("%d more: %s=%d, or narrow it down with %s.", left, offsetName, skip+len(shown), queryName))
	}
}

// sayTrimmed says that entries were cut.
func (p *page) sayTrimmed(n, total int) {
	if n > 0 && total == 1 {
		p.cuts = append(p.cuts, p.key+"; the rest of it is too much for a result")
	} else if n > 0 {
		p.cuts = append(p.cuts, fmt.Sprintf("the long parts of %d %s; more of one with a %s that finds it alone", n, p.key, queryName))
	}
}

// finish adds what is said once for the whole result, and writes the text around body.
func (p *page) finish(body, link string) *answer {
	if len(p.cuts) > 0 {
		p.root = append(p.root, entry{"cut", p.cuts})
	}
	for _, cut := range p.cuts {
		p.foot = append(p.foot, "Cut: "+cut+".")
	}
	switch {
	case link != "":
		p.root = append(p.root, entry{"link", link})
	case p.links != "" && !p.empty:
		p.root = append(p.root, entry{"links", p.links})
	}
	if p.note != "" {
		p.root = append(p.root, entry{"note", p.note})
		p.foot = append(p.foot, p.note)
	}
	if n := p.viewer.removed; n > 0 {
		p.root = append(p.root, entry{"hidden_characters_removed", n})
		p.foot = append(p.foot, count(n, "hidden character")+" removed.")
	}
	p.viewer.keep(p.root)
	if len(p.viewer.ids) > 0 {
		ids := record{}
		for _, called := range slices.Sorted(maps.Keys(p.viewer.ids)) {
			ids = append(ids, entry{called, p.viewer.ids[called]})
		}
		p.root = append(p.root, entry{"ids", ids})
	}
	text := strings.Join(slices.DeleteFunc([]string{p.headline(link), strings.TrimSuffix(body, "\n"), strings.Join(p.foot, "\n")},
		func(part string) bool { return part == "" }), "\n")
	if text == "" {
		text = "Nothing."
	}
	return &answer{text: cutText(text), structured: p.root}
}

// headline is the first line: what the result is about, what it holds, where it is.
func (p *page) headline(link string) string {
	what := p.head
	switch {
	case what != "" && p.subject != "":
		what = p.subject.inline() + ": " + what
	case p.subject != "":
		what = p.subject.inline()
	}
	if p.list && p.kind == transcript {
		what += "." + authorsNote
	} else if what != "" {
		what += "."
	}
	return strings.TrimSpace(what + " " + link)
}

// count writes a number with what it counts.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// cutText keeps a text below the hard limit.
func cutText(text string) string {
	if len(text) <= hardBytes {
		return text
	}
	head := strings.ToValidUTF8(text[:hardBytes], "") // of a character that is cut in two
	return fmt.Sprintf("%s\n(%d more bytes are too much for a text.)", head, len(text)-len(head))
}
