package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Checker says what keeps a value from fitting a schema. It may be used by several
// goroutines at once.
type Checker struct{ schema *jsonschema.Schema }

// Problem is one reason why a value does not fit.
type Problem struct {
	// Path leads to the value concerned: the names of members and the places in lists.
	Path []string
	// Unknown holds the members that the value has and may not have.
	Unknown []string
	// Missing holds the members that it lacks.
	Missing []string
	// Rule says what the value must be, as the end of a sentence: "must be at most 10, not 12".
	// It is empty when Unknown or Missing says it all.
	Rule string
}

// Compile reads a schema of draft 2020-12.
func Compile(schema json.RawMessage) (*Checker, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource(location, doc); err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	compiled, err := c.Compile(location)
	if err != nil {
		return nil, fmt.Errorf("compile schema: %w", err)
	}
	return &Checker{compiled}, nil
}

// location is where the compiler believes the schema to be.
const location = "mem:///schema.json"

// Check returns the reasons why value does not fit, in the order of the value's members,
// or none. Value is what encoding/json decodes into an any, with numbers as
// [json.Number] where they must stay exact.
func (c *Checker) Check(value any) []Problem {
	err, ok := c.schema.Validate(value).(*jsonschema.ValidationError)
	if !ok {
		return nil
	}
	var problems []Problem
	collect(err, &problems)
	slices.SortStableFunc(problems, func(a, b Problem) int { return slices.Compare(a.Path, b.Path) })
	return problems
}

// collect appends the problems that have no causes of their own.
func collect(err *jsonschema.ValidationError, problems *[]Problem) {
	for _, cause := range err.Causes {
		collect(cause, problems)
	}
	if len(err.Causes) > 0 {
		return
	}
	p := Problem{Path: err.InstanceLocation}
	switch k := err.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		p.Unknown = slices.Sorted(slices.Values(k.Properties))
	case *kind.Required:
		p.Missing = k.Missing
	default:
		p.Rule = rule(err.ErrorKind)
	}
	*problems = append(*problems, p)
}

// rule says what a value must be.
func rule(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return "must be " + typeNames(k.Want) + ", not " + typeName(k.Got)
	case *kind.Enum:
		return "must be one of " + list(k.Want) + ", not " + short(k.Got)
	case *kind.Const:
		return "must be " + short(k.Want) + ", not " + short(k.Got)
	case *kind.Minimum:
		return "must be at least " + number(k.Want) + ", not " + number(k.Got)
	case *kind.Maximum:
		return "must be at most " + number(k.Want) + ", not " + number(k.Got)
	case *kind.MinLength:
		if k.Got == 0 {
			return "must not be empty"
		}
		return fmt.Sprintf("must have at least %d characters, not %d", k.Want, k.Got)
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %d characters, not %d", k.Want, k.Got)
	case *kind.MinItems:
		if k.Got == 0 {
			return "must not be empty"
		}
		return fmt.Sprintf("must have at least %d entries, not %d", k.Want, k.Got)
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %d entries, not %d", k.Want, k.Got)
	case *kind.UniqueItems:
		return "must not hold the same entry twice"
	case *kind.Pattern:
		return "must match " + k.Want + ", unlike " + short(k.Got)
	case *kind.Format:
		return "must be a " + k.Want + ", unlike " + short(k.Got)
	}
	return "does not fit: " + k.LocalizedString(english)
}

var english = message.NewPrinter(language.English)

func typeNames(want []string) string {
	names := make([]string, len(want))
	for i, t := range want {
		names[i] = typeName(t)
	}
	return strings.Join(names, " or ")
}

func typeName(t string) string {
	switch t {
	case "integer":
		return "a whole number"
	case "boolean":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		return "an object"
	case "null":
		return "null"
	}
	return "a " + t // string, number
}

func number(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func list(values []any) string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = short(v)
	}
	return strings.Join(all, ", ")
}

// maxShown bounds how much of a foreign value an error repeats.
const maxShown = 60

// short writes a value as JSON, cut.
func short(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "this value"
	}
	if text := []rune(string(raw)); len(text) > maxShown {
		return string(text[:maxShown]) + "..."
	}
	return string(raw)
}
