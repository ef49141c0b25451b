// Package flowtest says how every Flow engine behaves, as tests.
//
// An engine is given to [Run] as a [World]: one network, whose backend processes see each
// other's accounts, teams and messages. The suite talks to a process only through the
// rows of the catalogue over a [flow.Caller], so that the same expectations hold for an
// engine that is called directly and for one behind the process border:
//
//	func TestEngine(t *testing.T) {
//		flowtest.Run(t, func(t *testing.T) flowtest.World { return newNetwork(t) })
//	}
//
// Every scenario has a network of its own. What a scenario waits for it waits for with
// WaitForNotification; nothing sleeps, and what must not arrive is proved by what arrives
// after it. The last test fails when an operation of the catalogue never succeeded or was never refused,
// or a notification type never came, so a new row without a scenario does not go unnoticed.
package flowtest

import (
	"sync"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

// World is one network.
type World interface {
	// Process starts another backend process on the network. It is stopped when t ends.
	Process(t *testing.T) flow.Caller
}

// scenario is one story, told on a network that nobody has used.
type scenario struct {
	name string
	run  func(*testing.T, *network)
}

var topics = []struct {
	name      string
	scenarios []scenario
}{
	{"every operation", everyOperation},
	{"sessions", sessions},
	{"pauses", pauses},
	{"accounts", accounts},
	{"machines", machines},
	{"devices", devices},
	{"rendezvous", meetings},
	{"locks", locks},
	{"plans", plans},
	{"teams", teams},
	{"rights", rights},
	{"admins of channels", admins},
	{"channels", channels},
	{"direct conversations", conversations},
	{"messages", messages},
	{"the length of texts", lengths},
	{"retention", retention},
	{"alerts", alerts},
	{"attachments", attachments},
	{"reading", reading},
	{"search", searching},
	{"searches", searches},
	{"notifications", notifications},
	{"events", events},
	{"requests", requests},
	{"people", people},
	{"profiles", profiles},
	{"keys", keys},
	{"preferences", preferences},
	{"adding to channels", autoAdds},
	{"overviews", overviews},
	{"escrow accounts", escrow},
	{"queries", queries},
	{"directories", directories},
	{"sign-ins", signIns},
	{"domains", domains},
	{"kinds of accounts", kinds},
	{"wire", wire},
}

// atOnce is how many scenarios run at the same time. They wait for disks more than they
// compute, so it does not depend on the number of processors.
const atOnce = 6

// Run tells every scenario on a network that open makes, several at the same time.
func Run(t *testing.T, open func(*testing.T) World) Seen {
	seen := newCoverage()
	turns := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for _, topic := range topics {
		all.Go(func() {
			t.Run(topic.name, func(t *testing.T) {
				tell(t, topic.scenarios, turns, func(t *testing.T) *network {
					return &network{world: open(t), seen: seen, dir: t.TempDir()}
				})
			})
		})
	}
	all.Wait()
	whole := false
	t.Run("nothing was left out", func(t *testing.T) {
		whole = true // go test was not asked for some scenarios only
		seen.complete(t)
	})
	return seen.seen(whole)
}

func tell(t *testing.T, scenarios []scenario, turns chan struct{}, open func(*testing.T) *network) {
	var all sync.WaitGroup
	for _, s := range scenarios {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			t.Run(s.name, func(t *testing.T) { s.run(t, open(t)) })
		})
	}
	all.Wait()
}
