package sqlite

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPlaces: of few and of all places of a chapter, whatever its length, what is packed is
// what comes out again, and takes no more space than a bit for each.
func TestPlaces(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, chapter := range []span{1, 7, 64, 65, 1000, chapterSpan} {
		for _, share := range []float64{0, 0.001, 0.1, 0.5, 1} {
			var p places
			want := []int64{}
			for d := range int64(chapter) {
				if random.Float64() < share {
					want = append(want, d)
					p.add(uint64(d))
					p.add(uint64(d)) // a word may stand there twice
				}
			}
			packed := p.pack(chapter)
			if len(packed) > 8*chapter.setSize() {
				t.Errorf("%d of %d places take %d bytes", len(want), chapter, len(packed))
			}
			set := make(placeSet, chapter.setSize())
			if err := set.add(packed, nil); err != nil {
				t.Fatal(err)
			}
			slices.Reverse(want)
			if diff := cmp.Diff(want, distances(set)); diff != "" || set.count() != len(want) {
				t.Errorf("of %d places (%d), share %v (-want +got):\n%s", chapter, set.count(), share, diff)
			}
			common := make(placeSet, chapter.setSize())
			if err := common.add(packed, set); err != nil || !slices.Equal(common, set) {
				t.Errorf("a set has %v in common with itself; %v", distances(common), err)
			}
		}
	}
}

func distances(set placeSet) []int64 {
	list := []int64{}
	set.backward(func(distance int64) bool {
		list = append(list, distance)
		return true
	})
	return list
}

// FuzzPlaces: whatever stands in the file, it is a set of places of the chapter or refused,
// and what it has in common with another set is in both.
func FuzzPlaces(f *testing.F) {
	for _, packed := range [][]byte{{}, {0}, {1, 0, 1}, {0x80}, {99}, {100}, {0x7f, 1}, make([]byte, 16), slices.Repeat([]byte{0xff}, 16), slices.Repeat([]byte{0xff}, 11)} {
		f.Add(packed, []byte{5, 7})
	}
	const chapter span = 100
	read := func(packed []byte, only placeSet) (placeSet, error) {
		set := make(placeSet, chapter.setSize())
		return set, set.add(packed, only)
	}
	f.Fuzz(func(t *testing.T, one, other []byte) {
		a, err := read(one, nil)
		if err != nil {
			if !errors.Is(err, errPlaces) || !isDamage(err) {
				t.Errorf("%x: %v", one, err)
			}
			return
		}
		b, err := read(other, nil)
		if err != nil {
			return
		}
		common, err := read(other, a)
		if err != nil {
			t.Fatal(err)
		}
		for i := range common {
			if common[i] != a[i]&b[i] {
				t.Errorf("%x and %x have %v in common", one, other, distances(common))
			}
		}
	})
}
