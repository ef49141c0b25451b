package flow_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

func TestCheckName(t *testing.T) {
	for _, name := range []string{"ana", "Ana María", "日本", "a", strings.Repeat("é", flow.MaxName), "🎉", "a\u200db", "ana@example.com"} {
		if err := flow.CheckName("Name", name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"me", "Me", "\uff4de", "m\u200de"} {
		if err := flow.CheckUsername("Name", name); !errors.Is(err, flow.Invalid) || !strings.Contains(err.Error(), "own account") {
			t.Errorf("the user name %q: %v", name, err)
		}
	}
	for _, name := range []string{"mei", "m e", "me@example.com"} {
		if err := flow.CheckUsername("Name", name); err != nil {
			t.Errorf("the user name %q: %v", name, err)
		}
	}
	if err := flow.CheckUsername("Name", ""); !errors.Is(err, flow.Invalid) {
		t.Errorf("no user name: %v", err)
	}
	tests := []struct{ name, want string }{
		{"", "Name is empty"},
		{" \t", "Name is empty"},
		{" ana", "begins or ends with a blank"},
		{"ana\u00a0", "begins or ends with a blank"},
		{"@ana", "begins with @"},
		{"\uff20ana", "begins with @"},
		{"\ufe6bana", "begins with @"},
		{"\u200b@ana", "begins with @"},
		{"a\nb", "control character"},
		{"a\x00b", "control character"},
		{"a\u0085b", "control character"},
		{strings.Repeat("é", flow.MaxName+1), "longer than 200 characters"},
		{"a\xff", "not valid UTF-8"},
	}
	for _, tt := range tests {
		err := flow.CheckName("Name", tt.name)
		if !errors.Is(err, flow.Invalid) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.name, err, tt.want)
		}
	}
}
