package flowtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Every write of the catalogue is tried again where a scenario first succeeds with it:
// once as it was, and once with each of its parameters changed. The scenario goes on as if
// nothing had been, or it fails.

// unkept are operations that look at no request id: twice is as good as once, or another
// one is made each time.
var unkept = []flow.AnyOperation{
	flow.ConfigOperation, flow.StartUp, flow.StartUpLocal, flow.WaitForNotification, flow.Pause, flow.Resume,
	flow.StartD2DRendezvous, flow.CancelRendezvous,
}

// isKept reports whether an engine remembers what it has answered to an operation.
func isKept(op flow.AnyOperation) bool {
	return op.Info().Effect != flow.Reads && op.Info().Neutral == "" && !slices.Contains(unkept, op)
}

// unrepeated returns an operation whose repetition is to be tried, as long as it was not.
func (c *coverage) unrepeated(ctx context.Context, method string) (flow.AnyOperation, bool) {
	op, known := flow.Lookup(method)
	if !known || !isKept(op) || ctx.Value(everyKey{}) != nil {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return op, !c.repeats[method]
}

// repeat reports whether nobody else tries the repetition of an operation.
func (c *coverage) repeat(method string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := !c.repeats[method]
	c.repeats[method] = true
	return first
}

// leave has somebody else try it.
func (c *coverage) leave(method string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.repeats, method)
}

// withRequest adds a request id to parameters that have none.
func withRequest(params json.RawMessage) json.RawMessage {
	inside, isObject := bytes.CutPrefix(bytes.TrimSpace(params), []byte("{"))
	if !isObject || bytes.Contains(bytes.ToLower(inside), []byte("requestid")) {
		return params
	}
	comma := ","
	if bytes.HasPrefix(bytes.TrimSpace(inside), []byte("}")) {
		comma = ""
	}
	return slices.Concat(json.RawMessage(`{"RequestID":"`+string(fresh())+`"`+comma), inside)
}

// again tries the repetition of a call that has succeeded.
func (o observed) again(ctx context.Context, op flow.AnyOperation, params, result json.RawMessage) {
	method := op.Info().Name
	noted, receipt := flow.WithReceipt(ctx)
	second, err := o.process.Call(noted, method, params)
	if errors.Is(err, flow.Denied) { // the call has kept its caller out
		o.seen.leave(method)
		return
	}
	if err != nil || !bytes.Equal(second, result) || !receipt.Repeated() {
		o.t.Errorf("%s was answered with %s and, repeated, with %s (%v); it says that it was repeated: %v",
			method, result, second, err, receipt.Repeated())
	}
	var call flow.Call
	typ, _ := op.Types()
	in := reflect.New(typ)
	if err := errors.Join(json.Unmarshal(params, &call), json.Unmarshal(params, in.Interface())); err != nil {
		o.t.Errorf("%s was done although its parameters are wrong: %v", method, err)
		return
	}
	others, conflicts := altered(in.Elem()), 0
	for _, other := range others {
		changed, err := json.Marshal(other)
		if err != nil {
			o.t.Errorf("write other parameters of %s: %v", method, err)
			continue
		}
		result, err := flow.Session{Caller: o.process, ID: call.Session}.Keyed(call.Request).Call(ctx, method, changed)
		if code := flow.CodeOf(err); err == nil || !slices.Contains(refusing, code) {
			o.t.Errorf("%s was answered under the same request id, but with other parameters, with %s (%v); want a refusal", method, result, err)
		}
		if errors.Is(err, flow.Conflict) {
			conflicts++
		}
	}
	if len(others) > 0 && conflicts == 0 {
		o.t.Errorf("%s under the same request id, but with other parameters, was never refused for that", method)
	}
}

// altered returns copies of in with one field changed in each.
func altered(in reflect.Value) (others []any) {
	for _, f := range reflect.VisibleFields(in.Type()) {
		other := reflect.New(in.Type()).Elem()
		other.Set(in)
		if !f.Anonymous && alter(other.FieldByIndex(f.Index)) {
			others = append(others, other.Interface())
		}
	}
	return others
}

// alter gives a field another value, if it has a type for which there is one.
func alter(v reflect.Value) bool {
	switch {
	case v.Type() == reflect.TypeFor[json.RawMessage]():
		v.SetBytes([]byte(`{"altered":true}`))
	case v.Kind() == reflect.String:
		v.SetString(v.String() + "x")
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.CanInt():
		v.SetInt(v.Int() + 1)
	case v.Kind() == reflect.Slice && v.Len() > 0:
		v.Set(v.Slice(0, v.Len()-1))
	default:
		return false
	}
	return true
}
