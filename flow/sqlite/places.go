package sqlite

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// places are where a word stands in a chapter, packed: how far the first one is from the
// beginning of the chapter, and then how far each is from the one before, as varints.
type places struct {
	packed []byte
	last   uint64 // distance from the beginning
}

// add adds a place that is not before the last one, and returns how much longer they are.
func (p *places) add(distance uint64) (more int) {
	before := len(p.packed)
	if before == 0 || distance > p.last {
		p.packed = binary.AppendUvarint(p.packed, distance-p.last)
		p.last = distance
	}
	return len(p.packed) - before
}

// pack returns the places as they are written: as they are or, where that is half as long
// or longer, a bit for each place of the chapter, which takes far less time to compare.
func (p *places) pack(s span) []byte {
	size := 8 * s.setSize()
	if 2*len(p.packed) < size {
		return p.packed
	}
	bits := make([]byte, size)
	for at, list := uint64(0), p.packed; len(list) > 0; {
		distance, n := binary.Uvarint(list)
		at, list = at+distance, list[n:]
		bits[at/8] |= 1 << (at % 8)
	}
	return bits
}

// errPlaces is of what cannot have been written so.
var errPlaces = errors.New("the places of a word are not in its chapter")

// placeSet has a bit for each place of a chapter.
type placeSet []uint64

// setSize is how many words a set of a chapter has.
func (s span) setSize() int { return int(s+63) / 64 }

// add adds packed places. With another set it adds only those that this has.
func (p placeSet) add(packed []byte, only placeSet) error {
	if len(packed) == 8*len(p) {
		p.addBits(packed, only)
		return nil
	}
	return p.addList(packed, only)
}

func (p placeSet) addBits(packed []byte, only placeSet) {
	for i := range p {
		word := binary.LittleEndian.Uint64(packed[8*i:])
		if only != nil {
			word &= only[i]
		}
		p[i] |= word
	}
}

func (p placeSet) addList(packed []byte, only placeSet) error {
	for at, end := uint64(0), uint64(64*len(p)); len(packed) > 0; {
		distance, size := uint64(packed[0]), 1 // which most are
		if distance >= 0x80 {
			distance, size = binary.Uvarint(packed)
		}
		if size <= 0 || distance >= end-at {
			return errPlaces
		}
		at, packed = at+distance, packed[size:]
		if i, bit := at/64, uint64(1)<<(at%64); only == nil || only[i]&bit != 0 {
			p[i] |= bit
		}
	}
	return nil
}

// count returns how many places there are.
func (p placeSet) count() (n int) {
	for _, word := range p {
		n += bits.OnesCount64(word)
	}
	return n
}

// backward calls a function with the distances of the places, from the last one on, as
// long as it wants more, and returns whether it still does.
func (p placeSet) backward(yield func(distance int64) bool) (more bool) {
	for i := len(p) - 1; i >= 0; i-- {
		for word := p[i]; word != 0; {
			bit := bits.Len64(word) - 1
			word &^= 1 << bit
			if !yield(int64(64*i + bit)) {
				return false
			}
		}
	}
	return true
}
