package graph

import (
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
)

// maxPage is the most that one page holds.
const maxPage = 500

// node is an entry of a list, with its cursor there.
type node interface{ cursor() string }

// connection is a page of a list, and says where it lies there.
type connection[T node] struct {
	nodes                []T
	hasNext, hasPrevious bool
	total                int
}

func (c *connection[T]) Nodes() []T { return c.nodes }

func (c *connection[T]) TotalCount() int32 { return int32(c.total) }

func (c *connection[T]) Edges() []*edge[T] {
	edges := make([]*edge[T], len(c.nodes))
	for i, n := range c.nodes {
		edges[i] = &edge[T]{n}
	}
	return edges
}

func (c *connection[T]) PageInfo() *pageInfo {
	info := &pageInfo{hasNext: c.hasNext, hasPrevious: c.hasPrevious}
	if len(c.nodes) > 0 {
		start, end := c.nodes[0].cursor(), c.nodes[len(c.nodes)-1].cursor()
		info.start, info.end = &start, &end
	}
	return info
}

type edge[T node] struct{ node T }

func (e edge[T]) Node() T        { return e.node }
func (e edge[T]) Cursor() string { return e.node.cursor() }

type pageInfo struct {
	hasNext, hasPrevious bool
	start, end           *string
}

func (p pageInfo) HasNextPage() bool     { return p.hasNext }
func (p pageInfo) HasPreviousPage() bool { return p.hasPrevious }
func (p pageInfo) StartCursor() *string  { return p.start }
func (p pageInfo) EndCursor() *string    { return p.end }

// forward are the arguments of lists that are read from the front.
type forward struct {
	First int32
	After *string
}

// page cuts a page out of a list.
func page[T node](all []T, f forward) (*connection[T], error) {
	if err := checkSize("first", f.First); err != nil {
		return nil, err
	}
	begin := 0
	if f.After != nil {
		i := slices.IndexFunc(all, func(n T) bool { return n.cursor() == *f.After })
		if i < 0 {
			return nil, flow.Errorf(flow.NotFound, "after is no cursor of this list, or not any more; begin again without it")
		}
		begin = i + 1
	}
	end := min(begin+int(f.First), len(all))
	return &connection[T]{nodes: all[begin:end], hasNext: end < len(all), hasPrevious: begin > 0, total: len(all)}, nil
}

func checkSize(name string, size int32) error {
	if size < 0 || size > maxPage {
		return flow.Errorf(flow.Invalid, "%s must be between 0 and %d", name, maxPage)
	}
	return nil
}
