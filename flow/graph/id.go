package graph

import (
	"fmt"
	"math"
	"strconv"
)

// id is an ID as an argument: text, or a whole number, which means its digits. In the values
// of variables a number is a float, of which the library's own type knows nothing.
type id string

// ImplementsGraphQLType implements the library's decode.Unmarshaler.
func (id) ImplementsGraphQLType(name string) bool { return name == "ID" }

// UnmarshalGraphQL implements the library's decode.Unmarshaler.
func (i *id) UnmarshalGraphQL(value any) error {
	switch value := value.(type) {
	case string:
		*i = id(value)
		return nil
	case int32: // in the text of the query
		*i = id(strconv.Itoa(int(value)))
		return nil
	case float64:
		const exact = 1 << 53
		if value == math.Trunc(value) && math.Abs(value) <= exact {
			*i = id(strconv.FormatFloat(value, 'f', 0, 64))
			return nil
		}
	}
	return fmt.Errorf("an ID is text, or a whole number of up to 16 digits, and not %v", value)
}
