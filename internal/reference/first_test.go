package reference

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// TestFirstCallsAreCalls reads the example on the page as a backend does.
func TestFirstCallsAreCalls(t *testing.T) {
	var methods []string
	for _, found := range regexp.MustCompile(`(?m)^    call '(.*)'$`).FindAllStringSubmatch(introduction, -1) {
		body := strings.ReplaceAll(found[1], `'$TOKEN'`, "secret")
		request, err := flow.DecodeRequest([]byte(body))
		if err != nil || request.Token != "secret" {
			t.Errorf("%s is no request: %v", body, err)
			continue
		}
		methods = append(methods, request.Method)
		op, ok := flow.Lookup(request.Method)
		if !ok {
			t.Errorf("%s is no method", request.Method)
			continue
		}
		in, _ := op.Types()
		var given map[string]json.RawMessage
		if err := json.Unmarshal(request.Param(), &given); err != nil {
			t.Fatal(err)
		}
		delete(given, "SessionID")
		delete(given, "RequestID")
		rest, err := json.Marshal(given)
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(rest))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(reflect.New(in).Interface()); err != nil {
			t.Errorf("the parameters of %s: %v", request.Method, err)
		}
	}
	if diff := cmp.Diff([]string{"Config", "NewSession", "StartUpLocal", "NewOrg"}, methods); diff != "" {
		t.Errorf("the example calls (-want +got):\n%s", diff)
	}
}
