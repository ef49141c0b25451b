package process

import (
	"strings"
	"testing"
)

func TestParseHandshake(t *testing.T) {
	tests := []struct {
		name, line string
		want       greeting
		err        string
	}{
		{name: "as the first backends wrote it", line: `{"token":"abc", "port":"12345"}` + "\n", want: greeting{12345, "abc"}},
		{name: "number", line: `{"port":12345,"token":"abc"}`, want: greeting{12345, "abc"}},
		{name: "more members", line: `{"token":"abc","port":"1","version":{"n":[2]}}`, want: greeting{1, "abc"}},
		{name: "escaped digits", line: `{"token":"abc","port":"\u0038\u0030"}`, want: greeting{80, "abc"}},
		{name: "nothing", line: "", err: "JSON object"},
		{name: "empty line", line: "\n", err: "JSON object"},
		{name: "list", line: `["abc",1]`, err: "JSON object"},
		{name: "text behind it", line: `{"token":"abc","port":"1"} ready`, err: "JSON object"},
		{name: "token is no string", line: `{"token":1,"port":"1"}`, err: "JSON object"},
		{name: "no token", line: `{"port":"1"}`, err: "no token"},
		{name: "no port", line: `{"token":"abc"}`, err: "no port"},
		{name: "port zero", line: `{"token":"abc","port":0}`, err: "no port"},
		{name: "port too high", line: `{"token":"abc","port":65536}`, err: "no port"},
		{name: "negative port", line: `{"token":"abc","port":"-1"}`, err: "no port"},
		{name: "port with a fraction", line: `{"token":"abc","port":80.0}`, err: "no port"},
		{name: "port is a list", line: `{"token":"abc","port":[80]}`, err: "no port"},
		{name: "port is null", line: `{"token":"abc","port":null}`, err: "no port"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseHandshake([]byte(tt.line))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error is %v, want one with %q", err, tt.err)
				}
				return
			}
			if got != tt.want || err != nil {
				t.Errorf("handshake is %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func FuzzParseHandshake(f *testing.F) {
	f.Add([]byte(`{"token":"abc", "port":"12345"}`))
	f.Add([]byte(`{"token":"abc","port":80}`))
	f.Add([]byte(`{"token":"\u0000","port":null}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		g, err := parseHandshake(line)
		if err == nil && (g.token == "" || g.port < 1 || g.port > 65535) {
			t.Errorf("%q is taken for %+v", line, g)
		}
	})
}
