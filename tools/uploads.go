package tools

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// uploads are the files of a message on their way.
type uploads struct {
	*call
	key   string // of the message, if it has one
	files []sentFile

	made  []flow.AttachmentID // those that this call has registered, and no earlier one
	end   *flow.Cursor        // of the log, before the message; nil when there is no log
	done  int64               // bytes that were registered, and then sent
	total int64
}

// register has the backend take copies of the files that are given by their paths. When
// it fails, it leaves none behind.
func (u *uploads) register(ctx context.Context, in sendInput) error {
	if len(u.files) == 0 {
		return nil
	}
	org := in.OrgID
	if org == "" {
		channel, err := flow.GetChannel.Call(ctx, u.client, flow.GetChannelInput{ChannelID: in.ChannelID})
		if err != nil {
			return err
		}
		org = channel.OrgID
	}
	for _, f := range u.files {
		u.total += f.Size // to be sent
		if f.path != "" {
			u.total += f.Size // to be copied before
		}
	}
	for i := range u.files {
		if err := u.copy(ctx, org, i); err != nil {
			u.giveUp(ctx)
			return prefixed("files", err)
		}
	}
	page, err := flow.EnumerateEvents.Call(ctx, u.client, flow.EnumerateEventsInput{})
	if err == nil {
		u.end = &page.Next
	}
	return nil
}

// copy registers one file. Its request id follows from that of the message and from what
// the file is, so that a repetition sends the same file, and one with another is refused.
func (u *uploads) copy(ctx context.Context, org flow.OrgID, i int) error {
	f := &u.files[i]
	if f.path == "" {
		return nil
	}
	staged, err := u.copyOf(ctx, f.path)
	if err != nil {
		return err
	}
	defer u.remove(staged)
	caller := flow.Caller(u.client)
	if u.key != "" {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00file %d\x00%x\x00%s", u.key, i, staged.Source.Sum, filepath.Base(staged.Path)))
		caller = u.client.Keyed(flow.RequestID(hex.EncodeToString(sum[:])))
	}
	calling, receipt := flow.WithReceipt(ctx)
	id, err := flow.NewAttachment.Call(calling, caller, flow.NewAttachmentInput{OrgID: org, FilePath: staged.Path})
	if err != nil {
		return err
	}
	f.ID = id
	u.registered.note(id, staged)
	if !receipt.Repeated() { // what an earlier call has made may belong to its message
		u.made = append(u.made, id)
	}
	u.done += f.Size
	progressOf(ctx).at(u.done, u.total, "copied "+f.Filename.inline())
	return nil
}

// toSend returns the files as the message has them.
func (u *uploads) toSend(in sendInput) []flow.AttachmentToSend {
	var all []flow.AttachmentToSend
	for i, f := range u.files {
		if i < len(in.Attachments) {
			all = append(all, in.Attachments[i])
			continue
		}
		all = append(all, flow.AttachmentToSend{ID: f.ID})
	}
	return all
}

// giveUp forgets the files of a message that was not sent, or stops their uploads.
func (u *uploads) giveUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	for _, id := range u.made {
		_, _ = flow.CancelAttachmentUpload.Call(ctx, u.client, flow.CancelAttachmentUploadInput{AttachmentID: id}) // it may be sent by now
	}
}

// uploadWait is how long one call waits for the next event of an upload.
const uploadWait = 20 * time.Second

// follow waits until every file is uploaded or failed. The message is sent by now, so
// that what goes wrong is a problem of the files alone. When ctx ends before, the uploads
// are stopped.
func (u *uploads) follow(ctx context.Context) {
	open := map[flow.AttachmentID]*sentFile{}
	for i := range u.files {
		open[u.files[i].ID] = &u.files[i]
	}
	for u.end != nil && len(open) > 0 {
		err := u.listen(ctx, open)
		if err == nil {
			continue
		}
		problem := safe("its upload was not followed to the end: " + describe(err))
		if ctx.Err() != nil {
			u.giveUp(ctx)
			problem = "its upload was stopped, because the call was cancelled"
		}
		for _, file := range open {
			file.Problem = problem
		}
		return
	}
}

// listen takes what the log says next of the files, and tells of nothing else in it.
func (u *uploads) listen(ctx context.Context, open map[flow.AttachmentID]*sentFile) error {
	reading, _ := flow.ReadAside(ctx)
	page, err := flow.EnumerateEvents.Call(reading, u.client, flow.EnumerateEventsInput{After: u.end, WaitMilliseconds: int(uploadWait.Milliseconds())})
	if err != nil {
		return err
	}
	for _, n := range page.Events {
		if err := u.hear(ctx, n, open); err != nil {
			return err
		}
	}
	u.end = &page.Next
	return nil
}

// recall takes from a message that an earlier call has sent what its files are. Where it
// cannot be read any more, what was given has to do: the engine has compared it.
func (u *uploads) recall(ctx context.Context, channel flow.ChannelID, id flow.MessageID) {
	if len(u.files) == 0 {
		return
	}
	reading, _ := flow.ReadAside(ctx) // of the own message only names of files are told
	one := func(f flow.MessageFilters) []flow.Message {
		f.Limit = 1
		messages, err := flow.EnumerateMessages.Call(reading, u.client, flow.EnumerateMessagesInput{ChannelID: channel, Filters: &f})
		if err != nil {
			return nil
		}
		return messages
	}
	var before flow.MessageFilters
	if next := one(flow.MessageFilters{After: id}); len(next) == 1 {
		before.Before = next[0].ID
	}
	for _, m := range one(before) {
		if m.ID != id {
			return
		}
		u.files = u.files[:0]
		for _, a := range m.Attachments {
			called, _ := clean(a.Filename)
			u.files = append(u.files, sentFile{ID: a.ID, Filename: called, Size: a.Size})
		}
	}
}

// uploadEvents say how an upload goes.
var uploadEvents = []*flow.Event[flow.Transfer]{
	flow.UploadProgressEvent, flow.UploadCompleteEvent, flow.UploadErrorEvent, flow.UploadCancelEvent,
}

// hear takes what a notification says of one of the files that are under way.
func (u *uploads) hear(ctx context.Context, n flow.Notification, open map[flow.AttachmentID]*sentFile) error {
	for _, event := range uploadEvents {
		if event.Type() != n.Type {
			continue
		}
		said, err := event.Decode(n)
		if err != nil {
			return err
		}
		file := open[said.AttachmentID]
		if file == nil {
			return nil
		}
		file.Filename, _ = clean(said.Filename)
		file.Size = said.Total
		switch event {
		case flow.UploadProgressEvent:
			progressOf(ctx).at(u.done+said.Transferred, u.total, "sending "+file.Filename.inline())
			return nil
		case flow.UploadErrorEvent:
			problem, _ := clean(said.Err)
			file.Problem = "not sent: " + problem
		case flow.UploadCancelEvent:
			file.Problem = "not sent: it was cancelled"
		}
		u.done += said.Total
		delete(open, said.AttachmentID)
	}
	return nil
}
