package sqlite

import (
	"strings"
	"testing"
)

func TestPassword(t *testing.T) {
	s := open(t, t.TempDir())
	verifier, err := s.hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.hash(t.Context(), "correct horse")
	if err != nil || again == verifier || strings.Contains(verifier, "horse") {
		t.Errorf("verifiers %q and %q; %v", verifier, again, err)
	}
	for password, want := range map[string]bool{
		"correct horse": true, "correct horse ": false, "Correct horse": false, "": false, strings.Repeat("x", maxPassword+1): false,
	} {
		if got, err := s.matches(t.Context(), password, verifier); got != want || err != nil {
			t.Errorf("%q matches: %t, %v", password, got, err)
		}
	}
	if _, err := s.matches(t.Context(), "correct horse", "$argon2id$v=19$m=19456,t=2,p=1$!!$!!"); err == nil {
		t.Error("a verifier that cannot be read was used")
	}
}
