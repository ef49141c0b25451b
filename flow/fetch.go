package flow

import (
	"context"
	"errors"
	"time"
)

// Fetch brings a file of a message to this device and returns the transfer as it ended:
// Path says where the file lies. It waits for that, and tells progress, unless it is nil,
// how far the transfer is, for the first time when it starts. When ctx ends before the file is there, the download is stopped.
//
// Backends without an event log do not say how a transfer goes; then ctx bounds the wait.
func Fetch(ctx context.Context, c Caller, file StartAttachmentDownloadInput, progress func(Transfer)) (Transfer, error) {
	wanted := download{file: file.AttachmentID}
	end, err := EnumerateEvents.Call(ctx, c, EnumerateEventsInput{})
	logged := err == nil
	if err != nil && !errors.Is(err, Unsupported) {
		return Transfer{}, err
	}
	if logged {
		if wanted.device, err = GetDeviceID.Call(ctx, c, DeviceIDInput{}); err != nil {
			return Transfer{}, err
		}
	}
	if _, err := StartAttachmentDownload.Call(ctx, c, file); err != nil {
		return Transfer{}, err
	}
	var done Transfer
	if logged {
		done, err = wanted.follow(ctx, c, end.Next, progress)
	} else {
		done, err = awaitDownload(ctx, c, file)
	}
	if ctx.Err() != nil && err != nil {
		stopDownload(context.WithoutCancel(ctx), c, file.AttachmentID, leaveTime)
	}
	return done, err
}

// followWait is how long one call waits for the next event of a transfer.
const followWait = 20 * time.Second

// download is a file on its way to a device.
type download struct {
	file   AttachmentID
	device DeviceID
}

// follow reads the log from a cursor on until the download has ended. Of all that is in it
// only that is told.
func (d download) follow(ctx context.Context, c Caller, after Cursor, progress func(Transfer)) (Transfer, error) {
	reading, _ := ReadAside(ctx)
	for {
		page, err := EnumerateEvents.Call(reading, c, EnumerateEventsInput{After: &after, WaitMilliseconds: int(followWait.Milliseconds())})
		if err != nil {
			return Transfer{}, err
		}
		for _, n := range page.Events {
			said, ended, err := d.told(n)
			if ended || err != nil {
				return said, err
			}
			if said.AttachmentID == d.file && progress != nil {
				progress(said)
			}
		}
		after = page.Next
	}
}

// downloadEvents say how a download goes.
var downloadEvents = map[NotificationType]*Event[Transfer]{
	DownloadStartEvent.kind:    DownloadStartEvent,
	DownloadProgressEvent.kind: DownloadProgressEvent,
	DownloadCompleteEvent.kind: DownloadCompleteEvent,
	DownloadErrorEvent.kind:    DownloadErrorEvent,
	DownloadCancelEvent.kind:   DownloadCancelEvent,
}

// told reads what a notification says of the download. Others are passed over, also those
// of the same file on another device of the account.
func (d download) told(n Notification) (said Transfer, ended bool, err error) {
	event := downloadEvents[n.Type]
	if event == nil {
		return said, false, nil
	}
	if said, err = event.Decode(n); err != nil || said.AttachmentID != d.file || said.DeviceID != "" && said.DeviceID != d.device {
		return Transfer{}, false, err
	}
	switch event {
	case DownloadCompleteEvent:
		return said, true, nil
	case DownloadErrorEvent:
		return said, true, Errorf(Unavailable, "the file could not be fetched: %s", said.Err)
	case DownloadCancelEvent:
		return said, true, Errorf(Conflict, "the download was cancelled meanwhile; start it again")
	}
	return said, false, nil
}

// impatience is how often a backend without an event log is asked.
const impatience = 250 * time.Millisecond

// awaitDownload asks now and then where the file lies.
func awaitDownload(ctx context.Context, c Caller, file StartAttachmentDownloadInput) (Transfer, error) {
	for {
		path, err := StoredAttachmentPath.Call(ctx, c, StoredAttachmentPathInput{AttachmentID: file.AttachmentID, OrgID: file.OrgID})
		if err != nil || path != "" {
			return Transfer{
				AttachmentID: file.AttachmentID, OrgID: file.OrgID, ChannelID: file.ChannelID, MessageID: file.MessageID, Path: path,
			}, err
		}
		if err := pause(ctx, impatience); err != nil {
			return Transfer{}, err
		}
	}
}

// leaveTime is how long who does not wait for a file any more waits until it is stopped.
const leaveTime = time.Second

// stopDownload gives up a download that nobody waits for any more.
func stopDownload(ctx context.Context, c Caller, id AttachmentID, within time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	_, _ = CancelAttachmentDownload.Call(ctx, c, CancelAttachmentDownloadInput{AttachmentID: id}) // it may have ended
}
