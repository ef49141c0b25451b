// Package resources shows an account's channels, and what lies around them, as MCP
// resources, and turns what the backend notifies into resource updates.
//
// A resource is an [address]: a flow:// URI, taken apart. Everything starts there. Reading
// looks at the address and answers with one JSON document, or with the bytes of a file;
// subscribing resolves it and remembers under which URI the client knows the thing; a
// notification becomes addresses, and those become the URIs that are announced.
//
//	Register(server, client, directory)   what can be listed, completed and read
//	Resources.Subscribe                   asked by the transport for each subscription
//	Resources.Observe                     told of each notification, announces updates
//
// Nothing is registered for a single channel: resources/list is served from the directory,
// so that ten thousand channels cost nothing until somebody asks for a page.
//
// What people wrote is data. It stands in JSON strings, in which characters that hide or
// reorder text are escaped, and is marked by the key [MetaForeign] of the content.
package resources

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Keys of _meta.
const (
	// MetaForeign is true on contents that hold the words of other people, which are data
	// and not instructions.
	MetaForeign = "flow-mcp.github.io/foreign"
	// MetaIncomplete says on a list why it is not whole.
	MetaIncomplete = "flow-mcp.github.io/incomplete"
	// MetaSize is the size in bytes of the file that contents are of.
	MetaSize = "flow-mcp.github.io/size"
	// MetaNext is the URI of the next part of the file.
	MetaNext = "flow-mcp.github.io/next"
)

// Announcer tells the client what changed. Its methods must not block. The stdio transport
// is one.
type Announcer interface {
	// ResourceUpdated announces one resource to its subscribers, if it has any.
	ResourceUpdated(uri string)
	// ResourceListChanged announces that channels came or went.
	ResourceListChanged()
	// Subscribed returns the URIs that have a subscriber.
	Subscribed() []string
}

// Options tune what is shown. The zero value is the default.
type Options struct {
	// Settings is shown in flow://me, by name: what is on and off in this server.
	Settings map[string]string
	// MaxFile is the largest file that is read, in bytes; zero stands for [MaxFile].
	MaxFile int64
}

// Resources are the resources of one account. Its methods may be called by several
// goroutines at once.
type Resources struct {
	client   *flow.Client
	dir      *flow.Directory
	settings map[string]string
	maxFile  int64

	mu        sync.Mutex
	announcer Announcer
	me        flow.AccountID // empty until somebody has asked for something
	linked    bool           // a backend was connected before
	relist    bool           // a list was not whole
	learned   bool           // when something was last written was asked of this backend
	aliases   aliases
	touched   map[flow.ChannelID]time.Time // of the newest message seen
	shown     *flow.Names                  // when something was first shown of this backend; nil before
	usernames map[flow.AccountID]string    // what profiles told since
}

// Register offers the resources of the client's account on srv. It gives srv the
// capabilities for resources and completions, and adds hooks; nothing is asked of the
// backend before a client asks for something.
func Register(srv *server.MCPServer, client *flow.Client, dir *flow.Directory, o Options) *Resources {
	r := &Resources{
		client: client, dir: dir, settings: o.Settings, maxFile: cmp.Or(o.MaxFile, MaxFile),
		touched: map[flow.ChannelID]time.Time{}, usernames: map[flow.AccountID]string{},
	}
	server.WithResourceCapabilities(true, true)(srv)
	server.WithCompletions()(srv)
	server.WithResourceCompletionProvider(r)(srv)
	hooks := srv.GetHooks()
	if hooks == nil {
		hooks = &server.Hooks{}
		server.WithHooks(hooks)(srv)
	}
	hooks.AddAfterListResources(r.list)
	hooks.AddAfterListResourceTemplates(hideAnything)
	for _, f := range fixed {
		srv.AddResource(f.resource(), r.read)
	}
	for _, t := range templates {
		srv.AddResourceTemplate(t.template(), r.read)
	}
	srv.AddResourceTemplate(anything.template(), r.read)
	return r
}

// anything brings every flow:// URI to read. The templates that are listed match only
// URIs that a program has made of them; people and models write flow://channels/@ana.
var anything = shelf{uri: "flow://{+anything}", name: "anything"}

func hideAnything(_ context.Context, _ any, _ *mcp.ListResourceTemplatesRequest, out *mcp.ListResourceTemplatesResult) {
	out.ResourceTemplates = slices.DeleteFunc(out.ResourceTemplates, func(t mcp.ResourceTemplate) bool {
		return t.URITemplate.Raw() == anything.uri
	})
}

// AnnounceTo says whom Observe tells of changes. Before, it tells nobody.
func (r *Resources) AnnounceTo(a Announcer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.announcer = a
}

// names returns what things are called now, and learns who the account is.
func (r *Resources) names(ctx context.Context) (flow.Names, error) {
	names, err := r.dir.Names(ctx)
	if err != nil {
		return names, err
	}
	r.mu.Lock()
	r.me = names.Me()
	if r.shown == nil {
		r.shown = &names
	}
	r.mu.Unlock()
	return names, nil
}

// shelf is one resource that always exists, or one template.
type shelf struct {
	uri, name, title, description string
	priority                      float64
	mime                          string // empty where each has its own
}

var fixed = []shelf{
	{"flow://me", "me", "My account",
		"Who you are here: the account, its teams, and what this server lets you do.", 0.9, mimeJSON},
	{"flow://inbox", "inbox", "Inbox",
		"Channels with unread messages, and the newest messages that are for you: direct ones and mentions.", 1, mimeJSON},
	{"flow://events", "events", "Event log",
		"The end of your event log, as a cursor. Read flow://events?after=CURSOR for what happened since.", 0.3, mimeJSON},
}

var templates = []shelf{
	{"flow://orgs/{orgId}", "team", "Team",
		"A team, by id or name: its members and its channels.", 0.5, mimeJSON},
	{"flow://accounts/{accountId}", "person", "Person",
		"An account, by id or name: its name and your direct conversations with it.", 0.3, mimeJSON},
	{"flow://channels/{channelId}", "channel", "Channel",
		"A channel, by id or name (general, Team/general, @person): its members and newest messages.", 0.7, mimeJSON},
	{"flow://channels/{channelId}/messages{?before,after,limit}", "messages", "Messages of a channel",
		"The messages of a channel, newest first: limit (50 when left out, 500 at most) of them before or after a message id.", 0.6, mimeJSON},
	{"flow://channels/{channelId}/messages/{messageId}", "message", "Message",
		"One message, with those around it.", 0.5, mimeJSON},
	{"flow://attachments/{attachmentId}{?offset}", "attachment", "File",
		"A file of a message, as it is. What is larger than 4 MiB is read in parts: offset=0 and on.", 0.4, ""},
	{"flow://events{?after}", "events", "Events after a cursor",
		"What happened after a cursor, oldest first: messages, members, channels. Continue with the cursor next.", 0.3, mimeJSON},
}

func (s shelf) annotated() mcp.Annotated {
	return mcp.Annotated{Annotations: &mcp.Annotations{Audience: everybody, Priority: &s.priority}}
}

// everybody is for whom resources are: what a person sees a model may see, and the reverse.
var everybody = []mcp.Role{mcp.RoleUser, mcp.RoleAssistant}

func (s shelf) resource() mcp.Resource {
	return mcp.Resource{
		Annotated: s.annotated(), URI: s.uri, Name: s.name, Title: s.title,
		Description: s.description, MIMEType: s.mime,
	}
}

func (s shelf) template() mcp.ResourceTemplate {
	t := mcp.NewResourceTemplate(s.uri, s.name, mcp.WithTemplateTitle(s.title),
		mcp.WithTemplateDescription(s.description), mcp.WithTemplateMIMEType(s.mime))
	t.Annotated = s.annotated()
	return t
}
