package flow_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

func TestEncodeRequest(t *testing.T) {
	tests := []struct {
		name   string
		id     uint64
		params string
		token  string
		want   string
	}{
		{"over HTTP", 0, `{"SessionID":1}`, "T", `{"method":"Ping","params":[{"SessionID":1}],"token":"T"}`},
		{"over a stream", 7, `{}`, "", `{"id":7,"method":"Ping","params":[{}]}`},
		{"token that needs escapes", 0, `{}`, `a"b`, `{"method":"Ping","params":[{}],"token":"a\"b"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := flow.EncodeRequest(tt.id, "Ping", json.RawMessage(tt.params), tt.token)
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("envelope (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeRequest(t *testing.T) {
	tests := []struct {
		name  string
		in    string
		param string // of a good request
		want  string // in the error of a bad one
	}{
		{name: "object", in: `{"method":"Ping","params":[{"a":1}],"token":"T"}`, param: `{"a":1}`},
		{name: "members in another order", in: `{"token":"T","params":[ {"a":1} ],"method":"Ping"}`, param: `{"a":1}`},
		{name: "no params", in: `{"method":"Ping"}`, param: `{}`},
		{name: "null params", in: `{"method":"Ping","params":null}`, param: `{}`},
		{name: "empty list", in: `{"method":"Ping","params":[]}`, param: `{}`},
		{name: "list of null", in: `{"method":"Ping","params":[null]}`, param: `{}`},
		{name: "unknown member", in: `{"jsonrpc":"2.0","method":"Ping"}`, param: `{}`},

		{name: "nothing", in: ``, want: "must be a JSON object"},
		{name: "no object", in: `[1]`, want: "must be a JSON object with method, params and token, not a JSON array"},
		{name: "null", in: `null`, want: "names no method"},
		{name: "no method", in: `{"params":[{}]}`, want: "names no method"},
		{name: "method is no string", in: `{"method":5}`, want: "member method must be a string, not a JSON number"},
		{name: "params is no list", in: `{"method":"Ping","params":{}}`, want: "member params must be a list, not a JSON object"},
		{name: "params holds no object", in: `{"method":"Ping","params":["x"]}`, want: "Ping: params must be a list with one object, not with another value"},
		{name: "two objects", in: `{"method":"Ping","params":[{},{}]}`, want: "with one object, not with 2"},
		{name: "long name", in: `{"method":"` + strings.Repeat("x", 5000) + `","params":[{},{}]}`, want: "xxx..."},
		{name: "cut", in: `{"method":"Ping"`, want: "must be a JSON object"},
		{name: "more behind it", in: `{"method":"Ping"} x`, want: "must be a JSON object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := flow.DecodeRequest([]byte(tt.in))
			if tt.want != "" {
				if !errors.Is(err, flow.Invalid) || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 300 {
					t.Errorf("error is %v, want a short one of kind invalid with %q", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := string(r.Param()); got != tt.param || r.Method != "Ping" {
				t.Errorf("request is %s %s, want Ping %s", r.Method, got, tt.param)
			}
		})
	}
}

func TestReplyCrossesTheBorder(t *testing.T) {
	tests := []struct {
		name   string
		result string
		err    error
		wire   string
		code   flow.Code
		text   string
	}{
		{name: "result", result: `[1]`, wire: `{"result":[1]}`},
		{name: "no result", wire: `{"result":null}`},
		{name: "not found", err: flow.Errorf(flow.NotFound, "no channel is called %q", "x"),
			wire: `{"error":"no channel is called \"x\"","code":"not_found"}`, code: flow.NotFound, text: `no channel is called "x"`},
		{name: "wrapped", err: fmt.Errorf("read channel: %w", flow.Errorf(flow.Denied, "no")),
			wire: `{"error":"read channel: no","code":"denied"}`, code: flow.Denied, text: "read channel: no"},
		{name: "defect", err: errors.New("open /home/ada/secret: permission denied"),
			wire: `{"error":"internal error; the backend's log has the details","code":"internal"}`,
			code: flow.Internal, text: "internal error; the backend's log has the details"},
		{name: "no text", err: &flow.Error{Code: flow.Conflict},
			wire: `{"error":"conflict","code":"conflict"}`, code: flow.Conflict, text: "conflict"},
		{name: "no code", err: &flow.Error{Message: "boo"},
			wire: `{"error":"internal error; the backend's log has the details","code":"internal"}`,
			code: flow.Internal, text: "internal error; the backend's log has the details"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wire := flow.EncodeReply(flow.Reply{Result: json.RawMessage(tt.result)}, tt.err)
			if diff := cmp.Diff(tt.wire, string(wire)); diff != "" {
				t.Errorf("envelope (-want +got):\n%s", diff)
			}
			reply, err := flow.DecodeReply(flow.EncodeReply(flow.Reply{ID: 9, Result: json.RawMessage(tt.result)}, tt.err))
			if got := flow.CodeOf(err); got != tt.code {
				t.Errorf("code is %q, want %q", got, tt.code)
			}
			if err == nil && string(reply.Result) != strings.TrimSuffix(strings.TrimPrefix(tt.wire, `{"result":`), `}`) {
				t.Errorf("result is %s", reply.Result)
			}
			if err != nil && err.Error() != tt.text {
				t.Errorf("error is %q, want %q", err, tt.text)
			}
		})
	}
}

// What backends of others answer with.
func TestDecodeReply(t *testing.T) {
	tests := []struct {
		name, in, result string
		code             flow.Code
		text             string
		missing          flow.Missing
	}{
		{name: "result", in: `{"result":{"a":1}}`, result: `{"a":1}`},
		{name: "null result", in: `{"result":null}`, result: `null`},
		{name: "repeated", in: `{"result":"x","repeated":true}`, result: `"x"`},
		{name: "missing", in: `{"result":[],"missing":{"deleted":3,"retention":{"maxDays":7,"maxMessages":0}}}`, result: `[]`,
			missing: flow.Missing{Deleted: 3, Retention: flow.Retention{MaxDays: 7}}},
		{name: "missing is no object", in: `{"missing":[3],"result":[]}`, result: `[]`},
		{name: "missing less than nothing", in: `{"missing":{"deleted":-3},"result":[]}`, result: `[]`},
		{name: "repeated is no boolean", in: `{"repeated":"yes","result":1}`, result: `1`},
		{name: "empty error", in: `{"error":"","result":1}`, result: `1`},
		{name: "null error", in: `{"error":null,"result":1}`, result: `1`},
		{name: "neither", in: `{"SessionID":1}`, result: `{"SessionID":1}`},
		{name: "error", in: `{"error":"boo"}`, code: flow.Internal, text: "boo"},
		{name: "error with result", in: `{"result":1,"error":"boo"}`, code: flow.Internal, text: "boo"},
		{name: "Error", in: `{"Error":"panic"}`, code: flow.Internal, text: "panic"},
		{name: "error and empty Error", in: `{"error":"boo","Error":""}`, code: flow.Internal, text: "boo"},
		{name: "Error and empty error", in: `{"Error":"boo","error":""}`, code: flow.Internal, text: "boo"},
		{name: "unknown code", in: `{"error":"boo","code":"odd"}`, code: flow.Internal, text: "boo"},
		{name: "error is an object", in: `{"error":{"n":1}}`, code: flow.Internal, text: `{"n":1}`},
		{name: "error behind the result", in: `{"result":1,"error":"boo"}`, code: flow.Internal, text: "boo"},
		{name: "two results", in: `{"result":1,"result":2}`, result: `2`},
		{name: "cut at the front", in: `"result":1}`, code: flow.Internal, text: "the backend's reply is not a JSON object"},
		{name: "cut at the end", in: `{"result":1`, code: flow.Internal, text: "the backend's reply is not a JSON object"},
		{name: "cut result", in: `{"result":[1}`, code: flow.Internal, text: "the backend's reply is not a JSON object"},
		{name: "no number for an id", in: `{"id":x,"result":1}`, code: flow.Internal, text: "the backend's reply is not a JSON object"},
		{name: "nothing for a result", in: `{"result":}`, code: flow.Internal, text: "the backend's reply is not a JSON object"},
		{name: "no object", in: `[]`, code: flow.Internal, text: "the backend's reply is not a JSON object"},
		{name: "a page", in: `<html>`, code: flow.Internal, text: "the backend's reply is not a JSON object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reply, err := flow.DecodeReply([]byte(tt.in))
			if string(reply.Result) != tt.result || reply.Repeated != strings.Contains(tt.in, `"repeated":true`) {
				t.Errorf("the reply is %+v, want the result %s", reply, tt.result)
			}
			if reply.Missing != tt.missing {
				t.Errorf("missing is %+v, want %+v", reply.Missing, tt.missing)
			}
			if flow.CodeOf(err) != tt.code {
				t.Errorf("code is %q, want %q", flow.CodeOf(err), tt.code)
			}
			if err != nil && err.Error() != tt.text {
				t.Errorf("error is %q, want %q", err, tt.text)
			}
		})
	}
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(`{"method":"Ping","params":[{"SessionID":1}],"token":"T"}`))
	f.Add([]byte(`{"id":3,"method":"Ping","params":[null]}`))
	f.Add([]byte(`{"method":"a","params":[[]]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := flow.DecodeRequest(data)
		if err != nil {
			if !errors.Is(err, flow.Invalid) {
				t.Fatalf("error is of kind %q, want invalid", flow.CodeOf(err))
			}
			return
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal(r.Param(), &object); err != nil {
			t.Fatalf("the parameters are no object: %v", err)
		}
		again, err := flow.DecodeRequest(flow.EncodeRequest(r.ID, r.Method, r.Param(), r.Token))
		if err != nil {
			t.Fatalf("what was decoded does not decode again: %v", err)
		}
		if again.Method != r.Method || again.Token != r.Token || again.ID != r.ID || !bytes.Equal(again.Param(), r.Param()) {
			t.Fatalf("request changed from %+v to %+v", r, again)
		}
	})
}

func FuzzDecodeReply(f *testing.F) {
	f.Add([]byte(`{"result":null}`))
	f.Add([]byte(`{"id":1,"error":"no","code":"denied"}`))
	f.Add([]byte(`{"id":1,"result":"x","repeated":true}`))
	f.Add([]byte(`{"Error":["x"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		reply, err := flow.DecodeReply(data)
		if err != nil {
			if reply.Result != nil || err.Error() == "" {
				t.Fatalf("a failure has the result %s and the text %q", reply.Result, err)
			}
			return
		}
		if !json.Valid(reply.Result) {
			t.Fatalf("the result is no JSON: %s", reply.Result)
		}
		again, err := flow.DecodeReply(flow.EncodeReply(reply, nil))
		reply.Result, again.Result = bytes.TrimSpace(reply.Result), bytes.TrimSpace(again.Result)
		if diff := cmp.Diff(reply, again); diff != "" || err != nil {
			t.Fatalf("the reply changed: %v\n%s", err, diff)
		}
	})
}
