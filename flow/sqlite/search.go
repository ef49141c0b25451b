package sqlite

import (
	"context"

	"github.com/flow-mcp/flow-mcp/flow"
)

type searcher struct{ quit, done chan struct{} }

func openSearch(context.Context, *store) (*searcher, error) {
	return &searcher{quit: make(chan struct{}), done: make(chan struct{})}, nil
}
func (s *searcher) run()         { <-s.quit; close(s.done) }
func (s *searcher) wake()        {}
func (s *searcher) stop()        { close(s.quit); <-s.done }
func (s *searcher) close() error { return nil }

// Search implements [flow.Engine].
func (e *Engine) Search(ctx context.Context, call flow.Call, in flow.SearchInput) ([]flow.SearchHit, error) {
	return nil, flow.Errorf(flow.Unsupported, "search comes with the index")
}
