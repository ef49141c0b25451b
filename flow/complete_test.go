package flow

import (
	"fmt"
	"strings"
	"testing"
)

// FuzzComplete: whatever things are called, what is completed can be seen, and leads to
// each of them alone.
func FuzzComplete(f *testing.F) {
	f.Add("general", "General", "Home", "")
	f.Add("a\nb", "a b", "x\u202e", "#a")
	f.Add("", "/", "//", "@")
	f.Add("C0", "c1", "Home/C0", "C")
	f.Add("x", "C0", "Home", "")
	f.Fuzz(func(t *testing.T, first, second, team, typed string) {
		var all []Channel
		for i, name := range []string{first, second, first} {
			all = append(all, Channel{ID: ChannelID(fmt.Sprint("C", i)), Name: name})
		}
		x := newIndex("channel", all, func(c Channel) (ChannelID, []string) {
			return c.ID, []string{team + "/" + c.Name, c.Name, "#" + c.Name}
		})
		found := map[ChannelID]bool{}
		for _, ref := range x.complete("") {
			thing, err := x.find(ChannelID(ref))
			if err != nil || found[thing.ID] {
				t.Errorf("%q leads to %q, %v", ref, thing.ID, err)
			}
			found[thing.ID] = true
			if strings.ContainsAny(ref, "\n\r\t") || ReplaceHidden(ref, func(rune) string { return "" }) != ref {
				t.Errorf("%q cannot be seen", ref)
			}
		}
		if len(found) != len(all) {
			t.Errorf("%d of %d things are completed", len(found), len(all))
		}
		for _, ref := range x.complete(typed) {
			if _, err := x.find(ChannelID(ref)); err != nil {
				t.Errorf("%q, which completes %q, leads nowhere: %v", ref, typed, err)
			}
		}
	})
}
