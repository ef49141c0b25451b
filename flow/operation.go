package flow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"time"
)

// Effect says what an operation does to the world. Retries, read-only mode, the hints
// of a tool and confirmations follow from it.
type Effect string

// The effects.
const (
	// Reads changes nothing.
	Reads Effect = "reads"
	// Writes adds something; doing it twice adds two.
	Writes Effect = "writes"
	// Sets gives something a value; doing it twice is the same as once.
	Sets Effect = "sets"
	// Destroys removes something that others can miss, or keeps somebody out; so does what
	// puts a new thing in place of one that others see.
	Destroys Effect = "destroys"
	// Protocol only keeps the connection going; it is not offered to people or models.
	Protocol Effect = "protocol"
)

// Group is a set of operations that belong together; it is also a tool set.
type Group string

// Info is what is known of an operation without its types.
type Info struct {
	// Name is the method on the wire, as Flow spells it.
	Name string
	// Group is where it belongs.
	Group Group
	// Effect is what it does to the world.
	Effect Effect
	// Summary says in a sentence or two what it does and when to use it.
	Summary string
	// Needs is what has to be there before it can be done.
	Needs Need
	// Starts says that it starts an account on a session that has none.
	Starts bool
	// Neutral says how the engines of this project answer an operation that needs a
	// company behind the backend, which there is none: with a neutral value, or with
	// Unsupported. It is empty for all other operations.
	Neutral string
	// Secret says that a secret is among the parameters or in the result which only a
	// program should see, such as a password. The operation is not offered to models, and
	// an engine keeps no parameter or result of it in the clear.
	Secret bool
}

// Need is what an operation is about, and so what its calls depend on.
type Need int

// The needs.
const (
	// NeedsAccount is of an operation that is done for the account which is started on the
	// session. An account that is locked cannot have it done.
	NeedsAccount Need = iota
	// NeedsSession is of an operation of a session, on which no account need be started.
	// One that is must not be locked.
	NeedsSession
	// NeedsNothing is of an operation of the process, for whoever may call it. A session
	// that is named to it is not looked at.
	NeedsNothing
)

// Call is what comes with every request beside its own parameters.
type Call struct {
	// Session is the session the request belongs to; zero for the few that need none.
	Session SessionID `json:"SessionID"`
	// Request makes a write repeatable; empty when the caller did not care.
	Request RequestID `json:"RequestID"`
	// Params are the operation's own parameters, as they were decoded. An engine compares
	// them with those of an earlier call of the same request id.
	Params any `json:"-"`
}

// Operation is one row of the catalogue: a method of Flow with its types.
type Operation[In, Out any] struct {
	info Info
	run  func(Engine, context.Context, Call, In) (Out, error)
	list bool // Out is a slice, whose nil must be [] on the wire
	wait func(In) time.Duration
}

// AnyOperation is a row without its types, for those that treat all rows alike.
type AnyOperation interface {
	Info() Info
	// Types returns the type of the parameters, a struct, and of the result.
	Types() (in, out reflect.Type)
	// Waits returns how long a call waits by nature for something to happen. Only when it
	// stays unanswered for longer does its silence say anything of the backend.
	Waits(params json.RawMessage) time.Duration
	// Serve decodes params, runs the method of the engine and encodes its result.
	// Parameter names match without regard to case and unknown ones are ignored.
	Serve(ctx context.Context, e Engine, params json.RawMessage) (json.RawMessage, error)
	// Forward checks that params decode exactly into the input type, and sends them.
	Forward(ctx context.Context, c Caller, params json.RawMessage) (json.RawMessage, error)
}

var catalogue []AnyOperation

// define makes a row. The types follow from the method expression.
func define[In, Out any](
	group Group, name string, effect Effect, summary string,
	run func(Engine, context.Context, Call, In) (Out, error),
) *Operation[In, Out] {
	op := &Operation[In, Out]{
		info: Info{Name: name, Group: group, Effect: effect, Summary: summary},
		run:  run,
		list: reflect.TypeFor[Out]().Kind() == reflect.Slice,
	}
	catalogue = append(catalogue, op)
	return op
}

// starts marks a row as one that starts an account.
func (o *Operation[In, Out]) starts() *Operation[In, Out] {
	o.info.Starts = true
	return o.needs(NeedsSession)
}

// needs marks a row as one that is not about an account.
func (o *Operation[In, Out]) needs(what Need) *Operation[In, Out] {
	o.info.Needs = what
	return o
}

// neutral marks a row as one that needs a company, and says what takes its place.
func (o *Operation[In, Out]) neutral(answer string) *Operation[In, Out] {
	o.info.Neutral = answer
	return o
}

// secret marks a row, see [Info].
func (o *Operation[In, Out]) secret() *Operation[In, Out] {
	o.info.Secret = true
	return o
}

// Forever is how long a call waits that may never be answered.
const Forever time.Duration = math.MaxInt64

// waits says for how long a call waits by nature, see [AnyOperation].
func (o *Operation[In, Out]) waits(wait func(In) time.Duration) *Operation[In, Out] {
	o.wait = wait
	return o
}

// Catalogue returns every operation, in a fixed order: by file name of the group, then
// as they stand in the file.
func Catalogue() []AnyOperation { return slices.Clone(catalogue) }

// Lookup returns the operation with a name of the wire.
func Lookup(name string) (AnyOperation, bool) {
	op, ok := byName()[name]
	return op, ok
}

// Info returns what is known of the operation without its types.
func (o *Operation[In, Out]) Info() Info { return o.info }

// Types returns the type of the parameters and of the result.
func (o *Operation[In, Out]) Types() (in, out reflect.Type) {
	return reflect.TypeFor[In](), reflect.TypeFor[Out]()
}

// Waits implements [AnyOperation].
func (o *Operation[In, Out]) Waits(params json.RawMessage) time.Duration {
	if o.wait == nil {
		return 0
	}
	var in In
	_ = json.Unmarshal(params, &in) // what is wrong with it, the backend says at once
	return max(0, o.wait(in))
}

// Waits returns how long a call waits by nature: not at all when its method is unknown.
func Waits(method string, params json.RawMessage) time.Duration {
	op, ok := Lookup(method)
	if !ok {
		return 0
	}
	return op.Waits(params)
}

// Call asks c to do the operation.
func (o *Operation[In, Out]) Call(ctx context.Context, c Caller, in In) (Out, error) {
	var out Out
	params, err := json.Marshal(in)
	if err != nil {
		return out, Errorf(Invalid, "%s: the parameters cannot be written as JSON: %v", o.info.Name, err)
	}
	result, err := c.Call(ctx, o.info.Name, params)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(result, &out); err != nil {
		return out, Errorf(Internal, "%s: the backend's result is not of the documented form: %v", o.info.Name, err)
	}
	return out, nil
}

// Forward implements [AnyOperation].
func (o *Operation[In, Out]) Forward(ctx context.Context, c Caller, params json.RawMessage) (json.RawMessage, error) {
	var in In
	strict := json.NewDecoder(bytes.NewReader(params))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&in); err != nil {
		return nil, o.invalid(err)
	}
	exact, err := json.Marshal(in)
	if err != nil {
		return nil, o.invalid(err)
	}
	return c.Call(ctx, o.info.Name, exact)
}

// Serve implements [AnyOperation].
func (o *Operation[In, Out]) Serve(ctx context.Context, e Engine, params json.RawMessage) (json.RawMessage, error) {
	var call Call
	var in In
	if len(params) > 0 {
		if err := json.Unmarshal(params, &call); err != nil {
			return nil, o.invalid(err)
		}
		if err := json.Unmarshal(params, &in); err != nil {
			return nil, o.invalid(err)
		}
	}
	call.Params = in
	out, err := o.run(e, ctx, call, in)
	if err != nil {
		return nil, err
	}
	result, err := encode(out)
	if err != nil {
		return nil, Errorf(Internal, "%s: the result cannot be written as JSON", o.info.Name)
	}
	if o.list && string(result) == "null" {
		return json.RawMessage("[]"), nil
	}
	return result, nil
}

func (o *Operation[In, Out]) invalid(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return Errorf(Invalid, "%s: %s must be %s, not a JSON %s",
			o.info.Name, wrong.Field, kindName(wrong.Type), wrong.Value)
	}
	return Errorf(Invalid, "%s: the parameters must be one JSON object: %v", o.info.Name, err)
}

// kindName says in words what JSON a Go type is written as.
func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map, reflect.Interface:
		return "an object"
	case reflect.Pointer:
		return kindName(t.Elem())
	default:
		return "a whole number"
	}
}
