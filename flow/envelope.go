package flow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// Request is the envelope of a call on the wire: {"method", "params": [{...}], "token"}.
type Request struct {
	// ID pairs replies with requests on a connection that carries many at once. HTTP
	// needs none.
	ID     uint64            `json:"id,omitzero"`
	Method string            `json:"method"`
	Params []json.RawMessage `json:"params"`
	// Token is the secret of the handshake.
	Token string `json:"token,omitzero"`
}

// EncodeRequest writes an envelope. Params must be a JSON object, which is not checked.
func EncodeRequest(id uint64, method string, params json.RawMessage, token string) []byte {
	name, _ := json.Marshal(method) // a string always encodes
	out := make([]byte, 0, len(params)+len(name)+len(token)+64)
	out = append(out, '{')
	if id != 0 {
		out = append(strconv.AppendUint(append(out, `"id":`...), id, 10), ',')
	}
	out = append(append(out, `"method":`...), name...)
	out = append(append(append(out, `,"params":[`...), params...), ']')
	if token != "" {
		secret, _ := json.Marshal(token)
		out = append(append(out, `,"token":`...), secret...)
	}
	return append(out, '}')
}

// DecodeRequest reads an envelope. Params may be a list of one object, an empty list,
// null or left out; anything else is Invalid.
func DecodeRequest(data []byte) (Request, error) {
	var r Request
	if err := json.Unmarshal(data, &r); err != nil {
		return r, noRequest(err)
	}
	if r.Method == "" {
		return r, Errorf(Invalid, "the request names no method")
	}
	if len(r.Params) > 1 {
		return r, Errorf(Invalid, "%s: params must be a list with one object, not with %d", clip(r.Method, 64), len(r.Params))
	}
	if r.Param()[0] != '{' {
		return r, Errorf(Invalid, "%s: params must be a list with one object, not with another value", clip(r.Method, 64))
	}
	return r, nil
}

func noRequest(err error) error {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case ok && wrong.Field != "":
		return Errorf(Invalid, "the request's member %s must be %s, not a JSON %s", wrong.Field, kindName(wrong.Type), wrong.Value)
	case ok:
		return Errorf(Invalid, "the request must be a JSON object with method, params and token, not a JSON %s", wrong.Value)
	}
	return Errorf(Invalid, "the request must be a JSON object with method, params and token: %v", err)
}

// Param returns the one object of named parameters.
func (r Request) Param() json.RawMessage {
	if len(r.Params) == 0 || string(r.Params[0]) == "null" {
		return json.RawMessage("{}")
	}
	return r.Params[0]
}

// Reply is the envelope of a success: {"result": ...}.
type Reply struct {
	// ID is that of the request.
	ID uint64
	// Result is JSON.
	Result json.RawMessage
	// Notes are members of their own, which are there only when they say something.
	Notes
}

// EncodeReply writes the answer to a request. A success has no error member at all:
// programs of the first hour take the length of whatever it holds. The member code is
// the kind of failure; source: proposed by this project. The result is not checked again.
func EncodeReply(r Reply, err error) []byte {
	out := make([]byte, 0, len(r.Result)+64)
	out = append(out, '{')
	if r.ID != 0 {
		out = append(strconv.AppendUint(append(out, `"id":`...), r.ID, 10), ',')
	}
	if err != nil {
		text, _ := json.Marshal(wireText(err)) // a string always encodes
		return fmt.Appendf(out, `"error":%s,"code":"%s"}`, text, string(CodeOf(err)))
	}
	if len(r.Result) == 0 {
		r.Result = json.RawMessage("null")
	}
	out = append(append(out, `"result":`...), r.Result...)
	return append(r.Notes.appendTo(out), '}')
}

// wireText keeps the text of defects on this side: it may name paths or hold data.
func wireText(err error) string {
	if CodeOf(err) == Internal {
		return "internal error; the backend's log has the details"
	}
	if text := err.Error(); text != "" {
		return text
	}
	return string(CodeOf(err)) // an empty text would say success
}

// DecodeReply reads an answer: a non-empty error or Error is a failure, else the member
// result, else the whole object. The result may be a part of data.
func DecodeReply(data []byte) (Reply, error) {
	if id, result, ok := plainReply(data); ok {
		return Reply{ID: id, Result: result}, nil
	}
	var r struct {
		ID       uint64           `json:"id"`
		Result   *json.RawMessage `json:"result"`
		Repeated json.RawMessage  `json:"repeated"`
		Missing  json.RawMessage  `json:"missing"`
		Error    json.RawMessage  `json:"error"`
		Panic    json.RawMessage  `json:"Error"`
		Code     Code             `json:"code"`
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return Reply{}, Errorf(Internal, "the backend's reply is not a JSON object")
	}
	for _, value := range []json.RawMessage{r.Error, r.Panic} {
		if text, failed := failure(value); failed {
			return Reply{ID: r.ID}, &Error{Code: orInternal(r.Code), Message: text}
		}
	}
	reply := Reply{ID: r.ID, Result: data, Notes: decodeNotes(r.Repeated, r.Missing)}
	if r.Result != nil {
		reply.Result = *r.Result
	} else if hasResult(data) {
		reply.Result = json.RawMessage("null")
	}
	return reply, nil
}

// plainReply reads a success as EncodeReply writes it. Nearly every reply is one, and
// this looks at a long result once where decoding the envelope does three times.
func plainReply(data []byte) (id uint64, result json.RawMessage, ok bool) {
	rest, ok := bytes.CutPrefix(data, []byte("{"))
	if !ok {
		return 0, nil, false
	}
	if numbered, ok := bytes.CutPrefix(rest, []byte(`"id":`)); ok {
		number, after, _ := bytes.Cut(numbered, []byte(","))
		var err error
		if id, err = strconv.ParseUint(string(number), 10, 64); err != nil {
			return 0, nil, false
		}
		rest = after
	}
	rest, ok = bytes.CutPrefix(rest, []byte(`"result":`))
	if !ok || len(rest) == 0 {
		return 0, nil, false
	}
	rest, ok = bytes.CutSuffix(rest, []byte("}"))
	return id, rest, ok && json.Valid(rest)
}

// failure reads the value of an error member.
func failure(value json.RawMessage) (text string, failed bool) {
	switch string(bytes.TrimSpace(value)) {
	case "", "null", `""`, "[]", "{}":
		return "", false
	}
	if json.Unmarshal(value, &text) != nil {
		text = string(value)
	}
	return text, true
}

// hasResult tells a null result from a missing one.
func hasResult(data []byte) bool {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(data, &members)
	_, ok := members["result"]
	return ok
}

// encode writes a value as JSON, and leaves the characters of HTML as they are: nobody
// puts this into a page, and escaped a text may be six times as long.
func encode(value any) (json.RawMessage, error) {
	var out bytes.Buffer
	to := json.NewEncoder(&out)
	to.SetEscapeHTML(false)
	if err := to.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

func orInternal(c Code) Code {
	switch c {
	case Invalid, NotFound, Denied, Conflict, Unsupported, Unavailable, Unusable, Uncertain, UnknownSession:
		return c
	}
	return Internal
}

// withMember returns the JSON object params with one more member, which must not be
// there yet.
func withMember(params json.RawMessage, name, value string) (json.RawMessage, error) {
	params = bytes.TrimSpace(params)
	if len(params) < 2 || params[0] != '{' {
		return nil, Errorf(Invalid, "the parameters must be a JSON object")
	}
	rest := bytes.TrimSpace(params[1:])
	comma := ","
	if rest[0] == '}' {
		comma = ""
	}
	return fmt.Appendf(nil, `{%q:%s%s%s`, name, value, comma, rest), nil
}

// withCall adds what every request carries.
func withCall(params json.RawMessage, call Call) (json.RawMessage, error) {
	var err error
	if call.Request != "" {
		text, _ := json.Marshal(call.Request)
		if params, err = withMember(params, "RequestID", string(text)); err != nil {
			return nil, err
		}
	}
	if call.Session != 0 {
		return withMember(params, "SessionID", strconv.FormatInt(int64(call.Session), 10))
	}
	return params, nil
}
