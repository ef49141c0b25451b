package resources

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// pageSize is how many resources one answer lists. Clients walk a few dozen pages and
// refuse an answer of 10 MB; this is good for 30,000 channels and 0.2 MB.
const pageSize = 500

// list answers resources/list: the fixed resources, then the channels ordered by id. The
// library, which knows the fixed ones alone, has prepared a result that is replaced. When
// the channels cannot be read, those fixed ones are all there is, and the result says so.
func (r *Resources) list(ctx context.Context, _ any, in *mcp.ListResourcesRequest, out *mcp.ListResourcesResult) {
	last, _ := base64.StdEncoding.DecodeString(string(in.Params.Cursor)) // the library has checked it
	out.Resources, out.NextCursor = []mcp.Resource{}, ""
	channels, names, err := r.channels(ctx)
	if err != nil {
		out.EnsureResultMeta().AdditionalFields = map[string]any{
			MetaIncomplete: "The channels cannot be listed now: " + err.Error(),
		}
	}
	r.listed(err == nil)
	r.learn(ctx, len(channels))
	rest := after(channels, string(last))
	if len(last) == 0 {
		for _, f := range fixed {
			out.Resources = append(out.Resources, f.resource())
		}
	}
	more := len(rest) > pageSize-len(out.Resources)
	if more {
		rest = rest[:pageSize-len(out.Resources)]
	}
	for _, channel := range rest {
		out.Resources = append(out.Resources, r.channelResource(channel, names))
	}
	if more {
		end := out.Resources[len(out.Resources)-1].URI
		out.NextCursor = mcp.Cursor(base64.StdEncoding.EncodeToString([]byte(end)))
	}
}

// maxLearned is how many channels are asked at once when something was last written.
const maxLearned = 1000

// learn finds out, once for each backend, when something was last written in the channels.
// Later messages are observed. Where it cannot be known cheaply it is left out.
func (r *Resources) learn(ctx context.Context, channels int) {
	r.mu.Lock()
	known := r.learned
	r.learned = known || channels > 0
	r.mu.Unlock()
	identity, err := r.client.Identity(ctx)
	if known || channels == 0 || channels > maxLearned || err != nil || identity.Backend.Name == "" {
		return
	}
	reading, _ := flow.ReadAside(ctx) // of the newest messages only the times are shown
	states, err := r.client.Survey(reading, "")
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, state := range states {
		if state.Activity != nil && state.LastMessage != nil {
			r.touch(state.ID, time.UnixMilli(state.LastMessage.CreationTime))
		}
	}
}

// touch notes that something was written in a channel. The lock must be held.
func (r *Resources) touch(channel flow.ChannelID, at time.Time) {
	if at.After(r.touched[channel]) {
		r.touched[channel] = at
	}
}

// listed remembers whether the client's list is whole. If not, the client is told to list
// again when there is a backend.
func (r *Resources) listed(whole bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.relist = r.relist || !whole
}

// channels returns all channels ordered by id, and what things are called.
func (r *Resources) channels(ctx context.Context) ([]flow.Channel, flow.Names, error) {
	names, err := r.names(ctx)
	if err != nil {
		return nil, names, err
	}
	channels, err := r.dir.Channels(ctx)
	return channels, names, err
}

// after returns the channels whose id is greater than the one in a URI.
func after(channels []flow.Channel, uri string) []flow.Channel {
	link, _ := flow.ParseLink(uri)
	i, found := slices.BinarySearchFunc(channels, link.Channel, func(c flow.Channel, id flow.ChannelID) int {
		return strings.Compare(string(c.ID), string(id))
	})
	if found {
		i++
	}
	return channels[i:]
}

func (r *Resources) channelResource(channel flow.Channel, names flow.Names) mcp.Resource {
	name, team := flow.OneLine(names.Channel(channel.ID)), flow.OneLine(names.Org(channel.OrgID))
	title, priority := "#"+name, 0.5
	description := fmt.Sprintf("Channel of the team %s.", team)
	if channel.Purpose == flow.DirectPurpose {
		title, priority = name, 0.8
		description = fmt.Sprintf("Direct conversation in the team %s.", team)
	}
	resource := mcp.Resource{
		URI:         flow.Link{Channel: channel.ID}.String(),
		Name:        team + "/" + name,
		Title:       title,
		Description: description,
		MIMEType:    mimeJSON,
	}
	resource.Annotations = &mcp.Annotations{Audience: everybody, Priority: &priority}
	r.mu.Lock()
	touched := r.touched[channel.ID]
	r.mu.Unlock()
	if !touched.IsZero() {
		resource.Annotations.LastModified = touched.UTC().Format(time.RFC3339)
	}
	return resource
}
