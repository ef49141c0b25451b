package flow

import (
	"fmt"
	"slices"
	"strings"
)

// index finds things of one kind by id or name. It is never changed.
type index[ID ~string, T any] struct {
	kind   string // what an error calls them
	all    []T
	names  [][]string       // of each, the fullest first
	folded [][]string       // the same folded
	ids    []ID             // of each
	byID   map[ID]int       // place in all
	byName map[string][]int // folded name to places
	alias  map[string]ID    // what is never looked for among the names
	keep   func(T) bool     // nil, or which of the things can be found
}

// newIndex describes each thing by its id and its names, the fullest first.
func newIndex[ID ~string, T any](kind string, all []T, describe func(T) (ID, []string)) index[ID, T] {
	x := index[ID, T]{kind: kind, all: all, byID: map[ID]int{}, byName: map[string][]int{}}
	for i, thing := range all {
		id, names := describe(thing)
		x.byID[id] = i
		x.ids = append(x.ids, id)
		folded := make([]string, len(names))
		for j, name := range names {
			folded[j] = Fold(name)
			if !slices.Contains(x.byName[folded[j]], i) {
				x.byName[folded[j]] = append(x.byName[folded[j]], i)
			}
		}
		x.names, x.folded = append(x.names, names), append(x.folded, folded)
	}
	return x
}

// only returns the same index, in which nothing is found but what keep says.
func (x index[ID, T]) only(keep func(T) bool) index[ID, T] {
	x.keep = keep
	return x
}

// kept returns the places of things that can be found.
func (x index[ID, T]) kept(places []int) []int {
	if x.keep == nil {
		return places
	}
	return slices.DeleteFunc(slices.Clone(places), func(i int) bool { return !x.keep(x.all[i]) })
}

// get returns the thing with an id, or the zero thing.
func (x index[ID, T]) get(id ID) T {
	if i, ok := x.byID[id]; ok {
		return x.all[i]
	}
	var none T
	return none
}

// find returns the thing that ref is the id or the name of.
func (x index[ID, T]) find(ref ID) (T, error) {
	var none T
	if i, ok := x.byID[ref]; ok && len(x.kept([]int{i})) > 0 {
		return x.all[i], nil
	}
	name := Fold(string(ref))
	if name == "" {
		return none, Errorf(Invalid, "the %s is empty: give a name, an id or a flow:// link", x.kind)
	}
	places := x.places(name)
	switch len(places) {
	case 1:
		return x.all[places[0]], nil
	case 0:
		return none, x.missing(name, clip(string(ref), 80))
	}
	return none, Errorf(Conflict, "%q fits %d things of the kind %s: %s; use the id",
		clip(string(ref), 80), len(places), x.kind, x.list(places, true))
}

// called returns all things that name is a name of.
func (x index[ID, T]) called(name string) []T {
	var all []T
	for _, i := range x.places(Fold(name)) {
		all = append(all, x.all[i])
	}
	return all
}

// places returns where the things are that a folded name leads to.
func (x index[ID, T]) places(name string) []int {
	id, meant := x.alias[name]
	if !meant {
		return x.fullest(x.kept(x.byName[name]), name)
	}
	if i, ok := x.byID[id]; ok {
		return x.kept([]int{i})
	}
	return nil
}

// fullest returns of the places those whose full name is the given one, if there are any: a
// channel called "Home/general" does not make that of the team Home doubtful.
func (x index[ID, T]) fullest(places []int, name string) []int {
	full := slices.DeleteFunc(slices.Clone(places), func(i int) bool { return x.folded[i][0] != name })
	if len(full) > 0 {
		return full
	}
	return places
}

// maxShown bounds the candidates of an error.
const maxShown = 8

func (x index[ID, T]) missing(name, ref string) error {
	var near []int
	for folded, places := range x.byName {
		if similar(folded, name) {
			near = append(near, x.kept(places)...)
		}
	}
	slices.Sort(near)
	near = slices.Compact(near)
	if len(near) > 0 {
		return Errorf(NotFound, "no %s is called %q; did you mean %s?", x.kind, ref, x.list(near, false))
	}
	every := make([]int, len(x.all))
	for i := range every {
		every[i] = i
	}
	every = x.kept(every)
	if len(every) > 0 && len(every) <= maxShown {
		return Errorf(NotFound, "no %s is called %q; there are: %s", x.kind, ref, x.list(every, false))
	}
	return Errorf(NotFound, "no %s is called %q among the %d that this account can see", x.kind, ref, len(every))
}

// list names things, with their ids when asked for or when two look alike.
func (x index[ID, T]) list(places []int, ids bool) string {
	var text []string
	seen := map[string]bool{}
	for _, i := range places {
		ids = ids || seen[x.folded[i][0]]
		seen[x.folded[i][0]] = true
	}
	for _, i := range places[:min(len(places), maxShown)] {
		one := fmt.Sprintf("%q", clip(x.names[i][0], 80))
		if ids {
			one += " (" + string(x.ids[i]) + ")"
		}
		text = append(text, one)
	}
	if len(places) > maxShown {
		text = append(text, fmt.Sprintf("and %d more", len(places)-maxShown))
	}
	return strings.Join(text, ", ")
}

// similar reports whether one holds the other, or few edits lie between them.
func similar(a, b string) bool {
	if len(b) >= 3 && strings.Contains(a, b) || len(a) >= 3 && strings.Contains(b, a) {
		return true
	}
	ra, rb := []rune(a), []rune(b)
	most := min(2, min(len(ra), len(rb))/3)
	return most > 0 && distance(ra, rb, most) <= most
}

// distance is the number of edits between a and b, or more than most when there are more.
func distance(a, b []rune, most int) int {
	if len(a) > len(b)+most || len(b) > len(a)+most {
		return most + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, ra := range a {
		before := row[0]
		row[0] = i + 1
		for j, rb := range b {
			cost := before
			if ra != rb {
				cost = 1 + min(before, row[j], row[j+1])
			}
			before, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
