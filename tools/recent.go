package tools

// recent remembers the newest of some things. Who uses it holds a lock.
type recent[K comparable, V any] struct {
	known map[K]V
	order []K // a ring of the keys of known
	next  int
}

// add remembers a thing that is not known yet, in place of the oldest when it would be one
// more than most.
func (r *recent[K, V]) add(key K, value V, most int) {
	if r.known == nil {
		r.known = map[K]V{}
	}
	if len(r.order) < most {
		r.order = append(r.order, key)
	} else {
		delete(r.known, r.order[r.next])
		r.order[r.next] = key
		r.next = (r.next + 1) % most
	}
	r.known[key] = value
}
