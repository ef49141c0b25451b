package stdio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"
)

// codeBusy is the JSON-RPC error code of a request that was refused because
// too many are unanswered. It is the first of the range for servers.
const codeBusy = -32000

// requestID is a JSON-RPC id. The bytes are kept, so that integers of any size
// come back as they came.
type requestID struct {
	raw json.RawMessage // nil: no id
	key string          // equal for equal ids of equal type
}

var nullID = json.RawMessage("null")

// message is what the transport has to know of a line; the rest of it is read
// by the library.
type message struct {
	line          []byte
	id            requestID
	method        string
	modern        bool            // follows 2026-07-28 or a later revision
	progressToken json.RawMessage // nil: no progress wanted
	cancels       requestID       // of notifications/cancelled
	result        json.RawMessage // of a reply to a request of ours
	failure       json.RawMessage
}

// parseMessage reads one line. If it is no message the transport can use, the
// error says so in JSON-RPC's terms; the message then has the id if one could
// be read.
func parseMessage(line []byte) (message, *mcp.JSONRPCErrorDetails) {
	m := message{line: line}
	if !utf8.Valid(line) {
		return m, fault(mcp.PARSE_ERROR, "The line is not valid UTF-8.")
	}
	if line[0] == '[' && json.Valid(line) {
		return m, fault(mcp.INVALID_REQUEST, "Batches are not supported: send each message as a JSON object on a line of its own.")
	}
	var e struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Method  string          `json:"method"`
		Params  paramsHead      `json:"params"`
		Result  json.RawMessage `json:"result"`
		Error   json.RawMessage `json:"error"`
	}
	err := json.Unmarshal(line, &e)
	if err != nil && !isTypeError(err) {
		return m, fault(mcp.PARSE_ERROR, fmt.Sprintf("The line is not valid JSON: %s.", err))
	}
	if e.ID != nil {
		id, ok := parseID(e.ID)
		if !ok {
			return m, fault(mcp.INVALID_REQUEST, "An id must be a string or a number.")
		}
		m.id = id
	}
	if bytes.Equal(e.Error, nullID) {
		e.Error = nil
	}
	reply := e.Result != nil || e.Error != nil
	switch {
	case err != nil:
		return m, fault(mcp.INVALID_REQUEST, `A message must be a JSON object in which "jsonrpc" and "method" are strings.`)
	case e.JSONRPC != mcp.JSONRPC_VERSION:
		return m, fault(mcp.INVALID_REQUEST, `"jsonrpc" must be "2.0".`)
	case e.Method == "" && !reply:
		return m, fault(mcp.INVALID_REQUEST, `A message needs a "method", or a "result" or "error".`)
	case e.Method != "" && reply:
		return m, fault(mcp.INVALID_REQUEST, `A message with a "method" cannot have a "result" or "error".`)
	}
	m.method, m.result, m.failure = e.Method, e.Result, e.Error
	version := e.Params.version()
	if m.method == string(mcp.MethodServerDiscover) && version == "" && m.id.raw != nil {
		// The library takes it for a request of a revision that does not have the method.
		return m, fault(mcp.INVALID_PARAMS, fmt.Sprintf("%s needs %q in the _meta of its params.", m.method, mcp.MetaKeyProtocolVersion))
	}
	m.modern = mcp.IsModernProtocol(version)
	m.progressToken = e.Params.progressToken()
	if id, ok := parseID(e.Params.fields.RequestID); ok {
		m.cancels = id
	}
	return m, nil
}

// idIn finds the id of a request of which there is only the beginning, if it stands there
// before anything long: without it the client would wait for ever.
func idIn(head []byte) requestID {
	d := json.NewDecoder(bytes.NewReader(head))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return requestID{}
	}
	for {
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return requestID{}
		}
		if name == "id" {
			id, _ := parseID(value)
			return id
		}
	}
}

// parseID reads a JSON-RPC id; only strings and numbers are ids in MCP.
func parseID(raw json.RawMessage) (requestID, bool) {
	if len(raw) == 0 {
		return requestID{}, false
	}
	switch c := raw[0]; {
	case c == '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return requestID{}, false
		}
		return requestID{raw: raw, key: `"` + s}, true
	case c == '-' || '0' <= c && c <= '9':
		return requestID{raw: raw, key: string(raw)}, true
	default:
		return requestID{}, false
	}
}

// paramsHead is what concerns the transport in the parameters of a message.
type paramsHead struct {
	fields struct {
		Meta      map[string]json.RawMessage `json:"_meta"`
		RequestID json.RawMessage            `json:"requestId"`
	}
}

// UnmarshalJSON takes what it can: judging parameters is the library's part.
func (p *paramsHead) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &p.fields); err != nil && !isTypeError(err) {
		return err
	}
	return nil
}

func (p *paramsHead) version() string {
	var v string
	if json.Unmarshal(p.fields.Meta[mcp.MetaKeyProtocolVersion], &v) != nil {
		return ""
	}
	return v
}

func (p *paramsHead) progressToken() json.RawMessage {
	if t := p.fields.Meta["progressToken"]; !bytes.Equal(t, nullID) {
		return t
	}
	return nil
}

func isTypeError(err error) bool {
	_, ok := errors.AsType[*json.UnmarshalTypeError](err)
	return ok
}

func fault(code int, text string) *mcp.JSONRPCErrorDetails {
	return &mcp.JSONRPCErrorDetails{Code: code, Message: text}
}

// encode returns v as one line of JSON with its newline.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// encodeError returns the line that answers the request id with an error. A
// request whose id is not known is answered with the id null.
func encodeError(id requestID, e *mcp.JSONRPCErrorDetails) []byte {
	if id.raw == nil {
		id.raw = nullID
	}
	line, err := encode(errorReply{JSONRPC: mcp.JSONRPC_VERSION, ID: id.raw, Error: e})
	if err != nil { // the data of a handler's error; what remains are plain strings and numbers
		line, _ = encode(errorReply{JSONRPC: mcp.JSONRPC_VERSION, ID: id.raw, Error: fault(e.Code, e.Message)})
	}
	return line
}

type errorReply struct {
	JSONRPC string                   `json:"jsonrpc"`
	ID      json.RawMessage          `json:"id"`
	Error   *mcp.JSONRPCErrorDetails `json:"error"`
}

type resultReply struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result"`
}

type outgoing struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"` // nil: a notification
	Method  string          `json:"method"`
	Params  any             `json:"params,omitempty"`
}
