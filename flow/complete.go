package flow

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// offeredNames is how many of a thing's names are offered: the full and the short one.
// Further ones are only understood.
const offeredNames = 2

// complete returns what typed may become: for each thing with a name that holds it the
// shortest name that leads to this thing alone, or else the id. Names that begin with what
// was typed come first.
func (x index[ID, T]) complete(typed string) []string {
	typed = Fold(strings.TrimPrefix(typed, "#"))
	bare := strings.Replace(typed, "/#", "/", 1)
	type hit struct {
		ref, order string
		within     int
	}
	var hits []hit
	for i, folded := range x.folded {
		folded = folded[:min(len(folded), offeredNames)]
		place := within(folded, typed)
		if place < 0 {
			place = within(folded, bare)
		}
		if place >= 0 {
			hits = append(hits, hit{x.ref(i), folded[len(folded)-1], place})
		}
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.within, b.within), strings.Compare(a.order, b.order), strings.Compare(a.ref, b.ref))
	})
	refs := make([]string, len(hits))
	for i, h := range hits {
		refs[i] = h.ref
	}
	return refs
}

// within returns 0 when one of the names begins with typed, 1 when one holds it elsewhere,
// and else -1.
func within(names []string, typed string) int {
	best := -1
	for _, name := range names {
		switch strings.Index(name, typed) {
		case -1:
		case 0:
			return 0
		default:
			best = 1
		}
	}
	return best
}

// ref returns the shortest name that leads to a thing alone and that can be seen as it is.
func (x index[ID, T]) ref(i int) string {
	names := x.names[i]
	for j := min(len(names), offeredNames) - 1; j >= 0; j-- {
		if x.leads(names[j], i) {
			return names[j]
		}
	}
	return string(x.ids[i])
}

// leads reports whether a name leads to one thing alone, and can be seen as it is.
func (x index[ID, T]) leads(name string, i int) bool {
	_, taken := x.byID[ID(name)] // ids are looked up first
	places := x.places(Fold(name))
	return Fold(name) != "" && len(places) == 1 && places[0] == i && !taken && isPlain(name)
}

// isPlain reports whether a name is one line on which nothing is hidden.
func isPlain(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool { return r != ' ' && unicode.IsSpace(r) }) &&
		ReplaceHidden(name, func(rune) string { return "" }) == name
}
