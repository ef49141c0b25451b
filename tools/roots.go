package tools

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/internal/folders"
)

// rootsKey names the client's folders among its answers.
const rootsKey = "roots"

// rootsTime is how long a client may take to say which folders it has. No person is asked.
const rootsTime = 10 * time.Second

// learnRoots finds out which folders the client has, when the call is about files and that
// matters. It asks at every such call, so that it need not be told of changes. The result
// is what the client has to answer first, or nil.
func (c *call) learnRoots(ctx context.Context, files bool, back mcp.MultiRoundTripParams) (*mcp.CallToolResult, error) {
	if !files || !c.folders.WantRoots() || capabilities(ctx).Roots == nil {
		return nil, nil
	}
	if server.IsModernRequest(ctx) {
		c.rooted = true
		said := server.RootsResponse(back.InputResponses, rootsKey)
		if said == nil {
			return server.NewInputRequestBuilder("").Roots(rootsKey).ToolResult(), nil
		}
		c.take(said)
		return nil, nil
	}
	session, ok := server.ClientSessionFromContext(ctx).(server.SessionWithRoots)
	if !ok {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, rootsTime)
	defer cancel()
	said, err := session.ListRoots(ctx, mcp.ListRootsRequest{})
	if err != nil || said == nil {
		return nil, flow.Errorf(flow.Denied, "nothing was done: the client has not said which folders it allows: %v", err)
	}
	c.take(said)
	return nil, nil
}

func (c *call) take(said *mcp.ListRootsResult) {
	uris := make([]string, len(said.Roots))
	for i, root := range said.Roots {
		uris[i] = root.URI
	}
	c.roots = folders.Roots(uris)
}

// namesFile reports whether one of the arguments is a path on this machine.
func (f *form) namesFile(args map[string]any) bool {
	for _, p := range f.fields {
		if _, given := args[p.name]; given && p.local != "" {
			return true
		}
	}
	return false
}

// localPath judges the path of a file that an operation itself reads or writes.
func (r *resolver) localPath(p *field, path string) (string, error) {
	if p.local == targetFile {
		return r.folders.Target(path, r.roots)
	}
	file, err := r.folders.Open(path, r.roots)
	if err != nil {
		return "", err
	}
	return path, file.Close()
}

// stage gives the operation a copy of each file that it reads: what was judged, where
// nobody can put another file in its place.
func (c *call) stage(ctx context.Context, f *form) error {
	for _, p := range f.fields {
		if p.local != sourceFile {
			continue
		}
		path, given := c.resolved[p.path[0]].(string)
		if !given {
			continue
		}
		staged, err := c.copyOf(ctx, path)
		if err != nil {
			return prefixed(p.name, err)
		}
		c.staged = append(c.staged, staged)
		put(c.resolved, p.path, staged.Path)
		if c.wire, err = json.Marshal(c.resolved); err != nil {
			return err
		}
	}
	return nil
}

// copyOf copies a file to be sent, unless it is another one than a person was asked about.
func (c *call) copyOf(ctx context.Context, path string) (folders.Staged, error) {
	staged, err := c.folders.Stage(ctx, path, c.roots)
	if err != nil {
		return folders.Staged{}, err
	}
	if asked, was := c.asked[path]; was && asked != staged.Source.Sum {
		c.remove(staged)
		return folders.Staged{}, flow.Errorf(flow.Conflict,
			"nothing was sent, since %q was changed after a person was asked about it; call again to ask about it as it is now", path)
	}
	return staged, nil
}

// unstage removes what was copied to be sent.
func (c *call) unstage() {
	for _, staged := range c.staged {
		c.remove(staged)
	}
}

func (s *service) remove(staged folders.Staged) {
	if err := staged.Close(); err != nil {
		s.log.Warn("a copy of a file that was sent is left", "error", err)
	}
}
