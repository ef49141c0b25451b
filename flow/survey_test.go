package flow_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// quiet answers for a backend with two teams, in one of which a channel has vanished.
func quiet(_ context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	holds := func(text string) bool { return strings.Contains(string(params), text) }
	switch {
	case method == "EnumerateOrgs":
		return json.RawMessage(`[{"id":"Z","name":"Acme"},{"id":"Y","name":"Beta"}]`), nil
	case method == "EnumerateChannels" && holds(`"OrgID":"Z"`):
		return json.RawMessage(`[{"id":"2","orgId":"Z","name":"talk"},{"id":"3","orgId":"Z","name":"gone"},{"id":"1","orgId":"Z","name":"plans"}]`), nil
	case method == "EnumerateChannels":
		return json.RawMessage(`[]`), nil
	case method == "GetUnreadCount" && holds(`"ChannelID":"3"`):
		return nil, flow.Errorf(flow.NotFound, "no such channel")
	case method == "GetUnreadCount" && holds(`"ChannelID":"2"`):
		return json.RawMessage(`7`), nil
	case method == "GetUnreadCount":
		return json.RawMessage(`0`), nil
	case method == "CurrentState":
		return json.RawMessage(`{"Z":{"id":"Z","name":"Acme","channels":{
			"2":{"id":"2","orgId":"Z","name":"talk","unreadCount":7,"lastMessage":{"id":"M"}},
			"1":{"id":"1","orgId":"Z","name":"plans"}}},
			"Y":{"id":"Y","name":"Beta","channels":{}}}`), nil
	}
	return nil, errors.New("unexpected call of " + method)
}

func TestSurvey(t *testing.T) {
	tests := []struct {
		name  string
		own   bool
		last  *flow.Message
		calls []string
	}{
		{"of our own backend", true, &flow.Message{ID: "M"}, []string{"CurrentState"}},
		{"of another one", false, nil, []string{
			"EnumerateChannels", "EnumerateChannels", "EnumerateOrgs", "GetUnreadCount", "GetUnreadCount", "GetUnreadCount"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := &outside{answer: greet(tt.own, quiet)}
			c := flow.NewClient(o, ada)
			if _, err := c.Identity(t.Context()); err != nil {
				t.Fatal(err)
			}
			before := len(o.methods())
			got, err := c.Survey(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			want := []flow.ChannelState{
				{Channel: flow.Channel{ID: "1", OrgID: "Z", Name: "plans"}, Activity: &flow.Activity{}},
				{Channel: flow.Channel{ID: "2", OrgID: "Z", Name: "talk"}, Activity: &flow.Activity{UnreadCount: 7, LastMessage: tt.last}},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("all channels (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.calls, slices.Sorted(slices.Values(o.methods()[before:]))); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if got, err = c.Survey(t.Context(), "Y"); err != nil || len(got) != 0 {
				t.Errorf("a team without channels: %v, %v", got, err)
			}
			if got, err = c.Survey(t.Context(), "X"); flow.CodeOf(err) != flow.NotFound {
				t.Errorf("a team that the account is not in: %v, %v", got, err)
			}
		})
	}
}

func TestSurveyFails(t *testing.T) {
	for _, fails := range []string{"EnumerateOrgs", "EnumerateChannels", "GetUnreadCount", "CurrentState"} {
		own := fails == "CurrentState"
		t.Run(fails, func(t *testing.T) {
			o := &outside{answer: greet(own, func(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
				if method == fails {
					return nil, flow.Errorf(flow.Unusable, "the disk is gone")
				}
				return quiet(ctx, method, params)
			})}
			if got, err := flow.NewClient(o, ada).Survey(t.Context(), ""); flow.CodeOf(err) != flow.Unusable {
				t.Errorf("the survey is %v, %v", got, err)
			}
		})
	}
}
