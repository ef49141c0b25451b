package sqlite

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

func TestRightsNameOperations(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rights {
		if _, ok := flow.Lookup(wireName(r.method)); !ok {
			t.Errorf("%s is no operation", r.method)
		}
		if key := r.method + " " + r.place; seen[key] {
			t.Errorf("%s in a %s is listed twice", r.method, r.place)
		} else {
			seen[key] = true
		}
	}
}

// TestStatesAreComparedInTheTable: what somebody in a state may do is said by the table,
// and by no comparison elsewhere.
func TestStatesAreComparedInTheTable(t *testing.T) {
	others := map[string]bool{
		"setOrgState":       true, // the last owner stays, whoever it is that acts
		"NewOrgJoinRequest": true, // who asks is in no state but banned, which has no rights
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	found := map[string]bool{}
	for _, file := range files {
		if file == "rights.go" || strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			function, ok := d.(*ast.FuncDecl)
			if !ok || !comparesState(function) {
				continue
			}
			found[function.Name.Name] = true
			if !others[function.Name.Name] {
				t.Errorf("%s in %s compares a state; ask allow, with a row in rights", function.Name.Name, file)
			}
		}
	}
	for name := range others {
		if !found[name] {
			t.Errorf("%s compares no state any more", name)
		}
	}
}

func comparesState(f *ast.FuncDecl) bool {
	found := false
	isState := func(e ast.Expr) bool {
		name, ok := e.(*ast.SelectorExpr)
		return ok && slices.Contains([]string{"Owner", "Admin", "Member", "Banned"}, name.Sel.Name) && isNamed(name.X, "flow")
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if b, ok := n.(*ast.BinaryExpr); ok && (b.Op == token.EQL || b.Op == token.NEQ) {
			found = found || isState(b.X) || isState(b.Y)
		}
		return true
	})
	return found
}

func isNamed(e ast.Expr, name string) bool {
	is, ok := e.(*ast.Ident)
	return ok && is.Name == name
}

func TestOfficesNameOperations(t *testing.T) {
	kinds := []flow.AccountKind{flow.OrdinaryAccount, flow.EscrowKind, flow.DirectoryKind}
	for _, o := range offices {
		if _, ok := flow.Lookup(wireName(o.method)); !ok {
			t.Errorf("%s is no operation", o.method)
		}
		for _, kind := range kinds {
			if err := allowKind(o.method, kind); (err == nil) != (kind == o.kind) {
				t.Errorf("%s for the kind %q: %v", o.method, kind, err)
			}
		}
	}
	for _, kind := range kinds {
		if err := allowKind("SetupLDAPAcount", kind); !errors.Is(err, flow.Denied) {
			t.Errorf("an operation that is misspelt is allowed to the kind %q: %v", kind, err)
		}
	}
}

func TestBondsNameOperations(t *testing.T) {
	for _, b := range bonds {
		if _, ok := flow.Lookup(b.method); !ok {
			t.Errorf("%s is no operation", b.method)
		}
		if err := allowOwn(b.method, b.of); !errors.Is(err, flow.Denied) || err.Error() != b.what {
			t.Errorf("%s by %s: %v", b.method, b.of, err)
		}
	}
	if err := allowOwn("ChangePassword", isEscrow); err != nil {
		t.Errorf("an escrow account may not change its password: %v", err)
	}
}

func TestFreedomsNameOperations(t *testing.T) {
	for method := range freedoms {
		if _, ok := flow.Lookup(method); !ok {
			t.Errorf("%s is no operation", method)
		}
	}
}

func TestPermit(t *testing.T) {
	for _, tt := range []struct {
		lock   flow.AccountLock
		method string
		want   error
	}{
		{flow.Unlocked, "SendMessage", nil},
		{flow.Unlocked, anyMethod, nil},
		{flow.FullLock, "StartUp", errLocked},
		{flow.FullLock, "ChangeUsername", errLocked},
		{flow.LDAPLock, "StartUp", nil},
		{flow.LDAPLock, "ChangeUsername", nil},
		{flow.LDAPLock, "SendMessage", errLDAPLocked},
		{flow.LDAPLock, anyMethod, errLDAPLocked},
	} {
		if got := permit(tt.lock, tt.method); got != tt.want {
			t.Errorf("%s under lock %d: %v, want %v", tt.method, tt.lock, got, tt.want)
		}
	}
}

func TestAllow(t *testing.T) {
	for _, r := range rights {
		for _, state := range []flow.MemberState{flow.Owner, flow.Admin, flow.Member, flow.Banned, asking, ""} {
			err := allow(r.method, r.place, state)
			switch {
			case state != "" && strings.Contains(r.states, string(state)):
				if err != nil {
					t.Errorf("%s for %s: %v", r.method, state, err)
				}
			case !isIn(state):
				if !errors.Is(err, flow.NotFound) {
					t.Errorf("%s for a stranger (%q): %v", r.method, state, err)
				}
			case !errors.Is(err, flow.Denied) || !strings.Contains(err.Error(), "ask one of them"):
				t.Errorf("%s for %s: %v", r.method, state, err)
			}
		}
	}
}

func TestStanding(t *testing.T) {
	for _, tt := range []struct {
		inTeam, inChannel flow.MemberState
		want              flow.MemberState
	}{
		{flow.Owner, flow.Admin, flow.Owner},
		{flow.Owner, flow.Member, flow.Member},
		{flow.Owner, flow.Banned, flow.Banned},
		{flow.Owner, "", ""},
		{flow.Admin, flow.Admin, flow.Admin},
		{flow.Member, flow.Owner, flow.Owner},
		{"", flow.Admin, flow.Admin},
	} {
		if got := standing(tt.inTeam, tt.inChannel); got != tt.want {
			t.Errorf("%q in the team and %q in the channel stands as %q, want %q", tt.inTeam, tt.inChannel, got, tt.want)
		}
	}
}

func TestMayChange(t *testing.T) {
	// Which states an account may bring somebody to, by its own state and theirs.
	others := map[string]string{
		"o of stranger": "oamb", "o of o": "oamb", "o of a": "oamb", "o of m": "oamb", "o of b": "oamb",
		"a of stranger": "amb", "a of o": "", "a of a": "amb", "a of m": "amb", "a of b": "amb",
		"m of stranger": "", "m of o": "", "m of a": "", "m of m": "", "m of b": "",
	}
	itself := map[string]string{"o": "oamb", "a": "amb", "m": "b"}
	states := []flow.MemberState{flow.Owner, flow.Admin, flow.Member, flow.Banned}
	for _, own := range states[:3] {
		for _, from := range append(states, "") {
			key := fmt.Sprintf("%s of %s", own, from)
			if from == "" {
				key = fmt.Sprintf("%s of stranger", own)
			}
			for _, to := range states {
				err := mayChange("SetOrgMemberState", "team", own, from, to, false)
				if want := strings.Contains(others[key], string(to)); (err == nil) != want {
					t.Errorf("%s to %s: %v, want allowed: %t", key, to, err, want)
				}
			}
		}
		for _, to := range states {
			err := mayChange("SetOrgMemberState", "team", own, own, to, true)
			if want := strings.Contains(itself[string(own)], string(to)); (err == nil) != want {
				t.Errorf("%s to %s by itself: %v, want allowed: %t", own, to, err, want)
			}
		}
	}
}
