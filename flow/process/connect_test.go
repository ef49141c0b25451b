package process

import "testing"

func TestNameOf(t *testing.T) {
	for login, want := range map[string]string{
		"ana": "ana", `OFFICE\ana`: "ana", "": "user", `OFFICE\`: "user", "me": "user", `OFFICE\Me`: "user", "mei": "mei",
	} {
		if got := nameOf(login); got != want {
			t.Errorf("who logs in as %q is %q, want %q", login, got, want)
		}
	}
}
