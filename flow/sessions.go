package flow

import (
	"context"
	"time"
)

// SessionGroup holds what keeps a connection between a program and a backend going.
const SessionGroup Group = "sessions"

// Sessions is the group of process, session and notification calls.
type Sessions interface {
	Config(context.Context, Call, Config) (Backend, error)
	NewSession(context.Context, Call, NewSessionInput) (NewSessionOutput, error)
	StartUp(context.Context, Call, StartUpInput) (Nothing, error)
	StartUpLocal(context.Context, Call, StartUpLocalInput) (Home, error)
	WaitForNotification(context.Context, Call, WaitForNotificationInput) (Notifications, error)
	EnumerateEvents(context.Context, Call, EnumerateEventsInput) (EventPage, error)
	Pause(context.Context, Call, PauseInput) (Nothing, error)
	Resume(context.Context, Call, ResumeInput) (Nothing, error)
	Ping(context.Context, Call, PingInput) (Nothing, error)
	BuildNumber(context.Context, Call, BuildNumberInput) (string, error)
}

// The rows of the group.
var (
	ConfigOperation = define(SessionGroup, "Config", Protocol,
		"First call after the process starts: says where the service is and where files are kept.", Engine.Config).needs(NeedsNothing)
	NewSession = define(SessionGroup, "NewSession", Protocol,
		"Opens a session. The first of a process has the id 1.", Engine.NewSession).needs(NeedsNothing)
	StartUp = define(SessionGroup, "StartUp", Protocol,
		"Starts an account that has a device on this machine; fails with 'Unknown account' when it has none.", Engine.StartUp).starts()
	StartUpLocal = define(SessionGroup, "StartUpLocal", Protocol,
		"Starts an account of this machine, and makes it, the machine's own team and a channel there when they do not exist yet.",
		Engine.StartUpLocal).starts()
	WaitForNotification = define(SessionGroup, "WaitForNotification", Protocol,
		"Blocks until something has changed for the session, and returns the changes in order.", Engine.WaitForNotification).
		waits(func(WaitForNotificationInput) time.Duration { return Forever })
	EnumerateEvents = define(SessionGroup, "EnumerateEvents", Reads,
		"Read the account's event log (messages, members, channels) after a cursor, oldest first. Nothing is skipped or repeated: "+
			"pass the returned next as after of the following call. Without after it returns the current end.", Engine.EnumerateEvents).
		waits(func(in EnumerateEventsInput) time.Duration {
			return time.Duration(in.WaitMilliseconds) * time.Millisecond
		})
	Pause = define(SessionGroup, "Pause", Protocol,
		"Stops the notifications of a session, until Resume; none is lost.", Engine.Pause)
	Resume = define(SessionGroup, "Resume", Protocol,
		"Undoes Pause: sends the notifications that have waited, and then notify-event 6.", Engine.Resume)
	Ping = define(SessionGroup, "Ping", Reads,
		"Check that the backend answers and that its store can be read.", Engine.Ping).needs(NeedsNothing)
	BuildNumber = define(SessionGroup, "BuildNumber", Reads,
		"Get the version of the backend.", Engine.BuildNumber).needs(NeedsNothing)
)

// Config tells a backend where things are. Unknown keys are ignored.
// Flow: Config; FlowCurrentVersion null means no updates.
type Config struct {
	FlowServHost           string
	FlowServPort           string
	FlowLocalDatabaseDir   string `jsonschema_description:"Directory that stands for this machine: accounts that have a device there are its local accounts."`
	FlowLocalSchemaDir     string
	FlowLocalAttachmentDir string `jsonschema_description:"Absolute path of the directory for downloaded files; the backend has one of its own when this is empty."`
	FlowUseTLS             string
	FlowKeyBackupHost      string
	FlowKeyBackupPort      string
	// FlowCurrentVersion is that of the running application; empty means no updates.
	FlowCurrentVersion string
	// FlowUpdateSignPublicKey verifies updates; "off" means no updates.
	FlowUpdateSignPublicKey string
}

// Backend is what our own backend says of itself in answer to Config; the original
// answered null. Source: proposed by this project.
type Backend struct {
	Name       string `json:"name" jsonschema_description:"Program name of the backend."`
	Version    string `json:"version" jsonschema_description:"Its version."`
	Idempotent bool   `json:"idempotent" jsonschema_description:"Whether a write that carries a RequestID may be repeated safely."`
}

// NewSessionInput has no parameters.
type NewSessionInput struct{}

// NewSessionOutput carries the id of the session; its key is capitalised on the wire.
type NewSessionOutput struct {
	SessionID SessionID `json:"SessionID" jsonschema_description:"Id of the session, not zero."`
}

// StartUpInput names the account.
type StartUpInput struct {
	Username  string `jsonschema_description:"User name of an account that has a device here."`
	ServerURI string `jsonschema_description:"Name space of the user name." json:",omitzero"`
}

// StartUpLocalInput names the account that a person at this machine uses.
// Source: proposed by this project.
type StartUpLocalInput struct {
	Username   string `jsonschema_description:"User name of the account. Made when it does not exist."`
	Existing   bool   `jsonschema_description:"Make nothing: fail with not_found when the account has no device on this machine." json:",omitzero"`
	DeviceName string `jsonschema_description:"Label of the device when one is made." json:",omitzero"`
	// AccountID is that of the account which was started before, so that who was renamed
	// meanwhile does not become somebody new of the old name.
	AccountID AccountID `jsonschema_description:"Account to start, whatever it is called; Username counts when there is none of this id." json:",omitzero"`
}

// Home is where all accounts of a machine meet, but for those of programs, such as escrow
// accounts: their Home has neither team nor channel. Source: proposed by this project.
type Home struct {
	AccountID AccountID `json:"accountId" jsonschema_description:"The started account."`
	Username  string    `json:"username" jsonschema_description:"Its user name."`
	OrgID     OrgID     `json:"orgId" jsonschema_description:"The team of this machine, if the account is in it."`
	ChannelID ChannelID `json:"channelId" jsonschema_description:"The channel of this machine, if the account is in it."`
	Created   bool      `json:"created" jsonschema_description:"Whether the account was made by this call."`
}

// WaitForNotificationInput may say what has been seen. Flow has no such parameters: the
// next call acknowledges what the last one returned.
type WaitForNotificationInput struct {
	After Cursor `jsonschema_description:"Sequence number of the last notification seen; 0 for the session's own cursor." json:",omitzero"`
	Again bool   `jsonschema_description:"The answer to the last call did not arrive: what it held comes again." json:",omitzero"`
}

// EnumerateEventsInput selects a part of the event log. Source: proposed by this project.
type EnumerateEventsInput struct {
	After            *Cursor   `jsonschema_description:"Return events after this cursor. Leave it out to learn the current end." json:",omitzero"`
	AfterMessage     MessageID `jsonschema_description:"Instead of After: return events after this message, such as the one that was just sent." json:",omitzero"`
	Limit            int       `jsonschema_description:"At most this many events; 100 when left out, 1000 at most." jsonschema:"minimum=0,maximum=1000" json:",omitzero"`
	WaitMilliseconds int       `jsonschema_description:"When there is nothing yet, wait this long for the first event. 0 does not wait; 110000 at most." jsonschema:"minimum=0,maximum=110000" json:",omitzero"`
}

// EventPage is a part of the event log. Source: proposed by this project.
type EventPage struct {
	Events Notifications `json:"events" jsonschema_description:"The events, oldest first."`
	Next   Cursor        `json:"next" jsonschema_description:"Cursor to pass as After next time."`
	More   bool          `json:"more" jsonschema_description:"Whether further events are there already."`
}

// PauseInput has no parameters. Flow: Pause disconnects from the notification service.
// Proposed: WaitForNotification blocks while the session is paused, everything else works;
// the other sessions of the account, and EnumerateEvents, are not concerned. A session
// stays paused when another process takes over the store.
type PauseInput struct{}

// ResumeInput has no parameters. Flow: Resume; notify-event 6 behind what has waited is
// proposed. It does nothing to a session that is not paused.
type ResumeInput struct{}

// PingInput has no parameters.
type PingInput struct{}

// BuildNumberInput has no parameters.
type BuildNumberInput struct{}
