package flow_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

func TestFingerprints(t *testing.T) {
	// SHA-256 of no bytes is a value that everybody can look up.
	const empty = "4OYMIQUY7QOBJGX36TEJS35ZEQT24QPEMSNZGTFESWMRW6CSXBKQ"
	if got := flow.Fingerprint(nil); got != empty {
		t.Errorf("the fingerprint of nothing is %s, want %s", got, empty)
	}
	seen := map[string]bool{}
	for _, parts := range [][3]string{{"a", "b", "c"}, {"ab", "", "c"}, {"a", "bc", ""}, {"", "ab", "c"}} {
		seen[flow.HashOfKeyRing(parts[0], parts[1], parts[2])] = true
	}
	if len(seen) != 4 {
		t.Errorf("four key rings have %d hashes", len(seen))
	}
}

func FuzzVerificationMethod(f *testing.F) {
	for _, seed := range []string{`"in person"`, `3`, `-1.5e300`, `null`, `""`, `{}`, `[1]`, `true`, `"\u0000"`, ` 7 `} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var m, again flow.VerificationMethod
		if json.Unmarshal([]byte(text), &m) != nil {
			return
		}
		if first := strings.TrimSpace(text)[0]; first == '{' || first == '[' || first == 't' || first == 'f' {
			t.Fatalf("%s was read as %q", text, m)
		}
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatalf("%q cannot be written: %v", m, err)
		}
		if err := json.Unmarshal(raw, &again); err != nil || again != m {
			t.Errorf("%s was read as %q, written as %s and read as %q (%v)", text, m, raw, again, err)
		}
	})
}
