package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/flow-mcp/flow-mcp/flow"
)

// witness collects the facts about a call.
type witness struct {
	*call
	names   *namer
	me      flow.AccountID
	facts   []string
	counted bool // it is said how many people see it
	sends   bool // the call sends a message
	inner   bool // it tells of a part of a parameter, on one line
}

// tell says of each parameter what it is. It fails when a file cannot be what it is told to be.
func (w *witness) tell(ctx context.Context, f *form, wire map[string]any) error {
	inChannel := w.channel.ID != "" && f.first(channelID) != nil
	for _, p := range f.fields {
		value, given := get(wire, p.path)
		if !given || p.kind == teamID && inChannel {
			continue // the name of the channel begins with its team
		}
		said, err := w.fact(ctx, p, value)
		if err != nil {
			return prefixed(p.name, err)
		}
		if said != "" {
			w.facts = append(w.facts, p.name+": "+said)
		}
	}
	return nil
}

// get returns a member of nested objects.
func get(from map[string]any, path []string) (any, bool) {
	if len(path) == 0 {
		return nil, false
	}
	for ; len(path) > 1; path = path[1:] {
		from, _ = from[path[0]].(map[string]any)
	}
	value, ok := from[path[0]]
	return value, ok
}

// fewMessages is how many messages a question tells of one by one. Of further ones it tells
// together, and of all other things one by one.
const fewMessages = 10

func (w *witness) fact(ctx context.Context, p *field, value any) (string, error) {
	list, many := value.([]any)
	if !many || !p.list {
		return w.one(ctx, p, value)
	}
	most := len(list)
	if p.kind == messageID {
		most = min(most, fewMessages)
	}
	var named []string
	for _, one := range list[:most] {
		said, err := w.one(ctx, p, one)
		if err != nil {
			return "", err
		}
		if said != "" {
			named = append(named, said)
		}
	}
	if len(list) > most {
		named = append(named, fmt.Sprintf("and %d more", len(list)-most)+w.together(ctx, list[most:]))
	}
	switch {
	case len(named) == 0:
		return fmt.Sprint(len(list)), nil
	case p.kind == messageID || p.sendsFiles(): // a line for each, since much is said of it
		return fmt.Sprintf("%d\n- %s", len(list), strings.Join(named, "\n- ")), nil
	}
	return fmt.Sprintf("%d (%s)", len(list), strings.Join(named, ", ")), nil
}

// sendsFiles reports whether the values of a parameter are files of a message.
func (p *field) sendsFiles() bool {
	return p.local == attachedFile || p.form != nil && p.form.first(attachmentID) != nil
}

func (w *witness) one(ctx context.Context, p *field, value any) (string, error) {
	if p.kind == anything || p.kind == table {
		return w.document(value)
	}
	if p.list {
		w = w.within()
	}
	switch v := value.(type) {
	case string:
		if p.local != "" {
			return w.file(ctx, p, v)
		}
		return w.word(ctx, p, v), nil
	case map[string]any:
		inner := w.within()
		err := inner.tell(ctx, p.form, v)
		return strings.Join(inner.facts, "; "), err
	case json.Number, bool:
		return fmt.Sprint(v), nil
	}
	return "given", nil
}

// within returns a witness of a part of a parameter.
func (w *witness) within() *witness {
	return &witness{call: w.call, names: w.names, me: w.me, sends: w.sends, counted: true, inner: true}
}

func (w *witness) word(ctx context.Context, p *field, text string) string {
	switch {
	case p.kind == messageID:
		return w.message(ctx, flow.MessageID(text))
	case p.kind == deviceID:
		return w.device(ctx, flow.DeviceID(text))
	case p.kind == attachmentID:
		return w.attachment(ctx, flow.AttachmentID(text))
	case p.kind.reference():
		said := w.thing(ctx, p.kind, text)
		if people := w.people(ctx, p.kind, text); people != "" && !p.list {
			said += ", " + people
		}
		return said
	case slices.Contains(p.choices(), text):
		return text
	case endsIn(p.name, "password", "secret", "code"):
		return characters(text) // it is nobody's to read, also not over the person's shoulder
	case p.name == outgoing && w.sends:
		return w.whole(text, characters(text)+" to be sent")
	}
	return w.whole(text, "")
}

func characters(text string) string { return count(utf8.RuneCountInString(text), "character") }

// whole shows all of a text that a call sends or stores, after what it is: a short one in
// quotes, a long one behind bars, where none of its lines can pose as a fact. Of pictures
// in what is stored the size is told.
func (w *witness) whole(text, what string) string {
	shown, removed := clean(text)
	if !w.sends {
		shown = shown.withoutImages()
	}
	if w.inner || shown.cost() <= longestLine && !strings.Contains(string(shown), "\n") {
		if what != "" {
			what += ": "
		}
		return what + shown.quoted() + hiddenIn(removed)
	}
	if what == "" {
		what = characters(text)
	}
	return what + hiddenIn(removed) + ":\n" + bar + shown.block()
}

// endsIn reports whether the last word in the name of a parameter is one of these.
func endsIn(parameter string, words ...string) bool {
	return slices.Contains(words, parameter[strings.LastIndex(parameter, "_")+1:])
}

// thing names something by what it is called. A name that would lead to something else has
// the identifier behind it ([namer.name]).
func (w *witness) thing(ctx context.Context, k kind, id string) string {
	v := viewer{namer: w.names}
	return quote(string(v.call(ctx, k, id)))
}

// people says how many see what is done, once.
func (w *witness) people(ctx context.Context, k kind, id string) string {
	if w.counted {
		return ""
	}
	var members states
	var err error
	switch k {
	case channelID:
		members, err = w.channelStates(ctx, flow.ChannelID(id))
	case teamID:
		members, err = w.orgStates(ctx, flow.OrgID(id))
	default:
		return ""
	}
	if err != nil {
		return "members not known"
	}
	w.counted = true
	return count(members.present(), "member")
}

// longestName is how much of a name a question shows, in bytes.
const longestName = 120

// outgoing is the parameter with the text of a message to be sent.
const outgoing = "text"

// longestLine is up to what length a text stands in a line, in bytes.
const longestLine = 200

// quote shows what something is called, or where it lies. The end of a long name matters as much as its
// beginning: it may be the ending of a file.
func quote(text string) string {
	shown, removed := clean(text)
	head, tail, left := shown.cutMiddle(longestName)
	if left == 0 {
		return head.quoted() + hiddenIn(removed)
	}
	return fmt.Sprintf("%s (%d bytes) %s", head.quoted(), left, tail.quoted()) + hiddenIn(removed)
}

// quoteAll shows what others will see as it is.
func quoteAll(text string) string {
	shown, removed := clean(text)
	return shown.quoted() + hiddenIn(removed)
}

// quoteUpTo shows the beginning of a text.
func quoteUpTo(text string, most int) string {
	shown, removed := clean(text)
	head, left := shown.cut(most)
	said := head.quoted()
	if left > 0 {
		said += fmt.Sprintf(" and %d bytes more", left)
	}
	return said + hiddenIn(removed)
}

// hiddenIn says that a text holds more than can be seen.
func hiddenIn(removed int) string {
	if removed == 0 {
		return ""
	}
	return " with " + count(removed, "hidden character")
}
