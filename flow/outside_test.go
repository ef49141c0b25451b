package flow_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/flow-mcp/flow-mcp/flow"
)

// outside stands for whatever backends there are: it gives them out and answers for them.
type outside struct {
	mu         sync.Mutex
	generation int
	down       error // what Endpoint fails with
	answer     func(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error)
	calls      []string // method and parameters as they arrived
}

func (o *outside) Endpoint(context.Context) (flow.Endpoint, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return flow.Endpoint{Caller: o, Generation: o.generation}, o.down
}

func (o *outside) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	o.mu.Lock()
	o.calls = append(o.calls, method+" "+string(params))
	answer := o.answer
	o.mu.Unlock()
	return answer(ctx, method, params)
}

func (o *outside) restart() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.generation++
}

// methods returns the methods that were called so far.
func (o *outside) methods() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var names []string
	for _, call := range o.calls {
		var name string
		fmt.Sscan(call, &name)
		names = append(names, name)
	}
	return names
}

// polls returns the parameters of the waits for notifications so far.
func (o *outside) polls() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var polls []string
	for _, call := range o.calls {
		if poll, ok := strings.CutPrefix(call, "WaitForNotification "); ok {
			polls = append(polls, poll)
		}
	}
	return polls
}

// greet answers what a client asks when it opens a session; rest answers all else.
func greet(own bool, rest func(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error)) func(context.Context, string, json.RawMessage) (json.RawMessage, error) {
	return func(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
		switch method {
		case "Config":
			if own {
				return json.RawMessage(`{"name":"flow-mcp","version":"1","idempotent":true}`), nil
			}
			return json.RawMessage(`null`), nil
		case "NewSession":
			return json.RawMessage(`{"SessionID":7}`), nil
		case "StartUpLocal":
			return json.RawMessage(`{"accountId":"A","username":"ada","orgId":"O","channelId":"C","created":true}`), nil
		case "StartUp":
			return json.RawMessage(`null`), nil
		case "AccountId":
			return json.RawMessage(`"A"`), nil
		}
		return rest(ctx, method, params)
	}
}

func pong(context.Context, string, json.RawMessage) (json.RawMessage, error) {
	return json.RawMessage(`"pong"`), nil
}

var ada = flow.Setup{Username: "ada", ServerURI: "chat.example"}
