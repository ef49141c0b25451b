// Package tail prints the messages of an account as they come, for people at a terminal
// and for scripts.
//
// It reads the event log of the account from a cursor on, which holds what every client
// of this account can see, in one order. After each line it notes the cursor in a file, if
// it was given one, so that the next run goes on where this one ended, whatever ended it.
//
// What others wrote is printed so that it can do nothing to a terminal and pose as nobody
// else: see [printer].
package tail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Options say what is printed, and how. The zero value prints what comes from now on, of
// all channels, as text.
type Options struct {
	// Channels are names, ids or links; none stands for all.
	Channels []string
	// After is the cursor to begin behind. The zero pointer is the end of the log, but its
	// beginning for a run with Once, which else had nothing to print.
	After *flow.Cursor
	// Since leaves out what was sent before.
	Since time.Time
	// Once ends when all that is there was printed.
	Once bool
	// JSON prints an object a line.
	JSON bool
	// CursorFile is where the cursor is kept between runs, if not empty. Once it is there,
	// what it says goes before After and Since. It is for one account and choice of Channels.
	CursorFile string
	// Log gets what is waited out; nil discards it.
	Log *slog.Logger
}

// ParseSince reads a time as people write it: "90m ago" or "90m", "2026-11-26" or
// "2026-11-26T17:00:00Z".
func ParseSince(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(strings.TrimSuffix(text, " ago")); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return day, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	return time.Time{}, fmt.Errorf("%q is no time; write 90m, 2026-11-26 or 2026-11-26T17:00:00Z", text)
}

// Run prints to out until ctx ends or the reader of out has gone, neither of which is an
// error. It leaves a write behind that nobody takes.
func Run(ctx context.Context, client *flow.Client, out io.Writer, o Options) error {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	t, err := begin(ctx, client, writer{ctx, out}, o)
	if err == nil {
		err = t.follow(ctx)
	}
	if ctx.Err() != nil || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}

// tail is one run.
type tail struct {
	Options
	client   *flow.Client
	dir      *flow.Directory
	printer  printer
	place    place
	channels []flow.ChannelID
}

// begin finds the channels, and where in the log to start.
func begin(ctx context.Context, client *flow.Client, out io.Writer, o Options) (*tail, error) {
	dir := flow.NewDirectory(client)
	t := &tail{Options: o, client: client, dir: dir, printer: printer{out: out, dir: dir, json: o.JSON}}
	identity, err := client.Identity(ctx)
	if err != nil {
		return nil, err
	}
	for _, ref := range o.Channels {
		channel, err := dir.FindChannel(ctx, ref)
		if err != nil {
			return nil, fmt.Errorf("--channel: %w", err)
		}
		t.channels = append(t.channels, channel.ID)
	}
	if t.place, err = openPlace(o.CursorFile, identity.AccountID, t.channels); err != nil {
		return nil, err
	}
	switch {
	case t.place.known:
		if o.After != nil || !o.Since.IsZero() {
			t.Since = time.Time{} // or what was sent since the last run would be left out
			t.Log.Warn("goes on where the cursor file says, and not where --after or --since do; remove the file to begin anew", "file", o.CursorFile)
		}
		return t, nil
	case o.After != nil:
		t.place.Cursor = *o.After
	case o.Since.IsZero() && !o.Once:
		page, err := flow.EnumerateEvents.Call(ctx, client, flow.EnumerateEventsInput{})
		if err != nil {
			return nil, err
		}
		t.place.Cursor = page.Next
	}
	return t, t.place.keep(t.place.Cursor)
}

const (
	pageSize = 500
	patience = 100 * time.Second // of one wait for the next event
	pause    = time.Second       // before a backend that has gone is asked again
)

// follow prints page after page. A backend that goes away is waited for.
func (t *tail) follow(ctx context.Context) error {
	query := flow.EnumerateEventsInput{Limit: pageSize}
	if !t.Once {
		query.WaitMilliseconds = int(patience.Milliseconds())
	}
	for {
		query.After = &t.place.Cursor
		page, err := flow.EnumerateEvents.Call(ctx, t.client, query)
		switch {
		case !t.Once && (errors.Is(err, flow.Unavailable) || errors.Is(err, flow.Uncertain)):
			t.Log.Warn("the backend is away; waiting for it", "error", err)
			select {
			case <-time.After(pause):
				continue
			case <-ctx.Done():
			}
			return nil
		case err != nil:
			return err
		}
		if err := t.print(ctx, page); err != nil {
			return err
		}
		if t.Once && !page.More {
			return t.place.sync()
		}
	}
}

// print prints the wanted messages of a page, and notes after each event that it is done.
func (t *tail) print(ctx context.Context, page flow.EventPage) error {
	for _, event := range page.Events {
		t.dir.Observe(event)
		if event.Type != flow.MessageEvent.Type() {
			continue
		}
		change, err := flow.MessageEvent.Decode(event)
		if err != nil {
			return err
		}
		for _, m := range change.RegularMessages {
			if !t.wants(m) {
				continue
			}
			if err := t.printer.print(ctx, event.Seq, m); err != nil {
				return err
			}
		}
		if err := t.place.keep(event.Seq); err != nil {
			return err
		}
	}
	return t.place.keep(page.Next)
}

func (t *tail) wants(m flow.Message) bool {
	return (len(t.channels) == 0 || slices.Contains(t.channels, m.ChannelID)) &&
		(t.Since.IsZero() || m.CreationTime >= t.Since.UnixMilli())
}
