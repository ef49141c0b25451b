package flow

import "context"

// AttachmentGroup holds files.
const AttachmentGroup Group = "attachments"

// Limits of files.
const (
	// MaxAttachment is the largest file that can be sent, in bytes.
	MaxAttachment = 2 << 30
	// MaxAttachments is the most files that one message can carry.
	MaxAttachments = 100
	// MaxFilename is the longest name of a file, in bytes of UTF-8.
	MaxFilename = 255
)

// Attachments is the group of calls about files.
//
// NewAttachment takes a copy of a file, SendMessage sends it, and who gets the message
// fetches it with StartAttachmentDownload. What becomes of an upload or a download comes
// as notifications, which go to every device of the account whose transfer it is: one of
// start, any number of progress, and one of complete, error or cancel.
type Attachments interface {
	NewAttachment(context.Context, Call, NewAttachmentInput) (AttachmentID, error)
	CancelAttachmentUpload(context.Context, Call, CancelAttachmentUploadInput) (Nothing, error)
	StartAttachmentDownload(context.Context, Call, StartAttachmentDownloadInput) (Nothing, error)
	CancelAttachmentDownload(context.Context, Call, CancelAttachmentDownloadInput) (Nothing, error)
	UpdateAttachmentPath(context.Context, Call, UpdateAttachmentPathInput) (Nothing, error)
	StoredAttachmentPath(context.Context, Call, StoredAttachmentPathInput) (string, error)
	EnumeratePendingAttachmentTransfers(context.Context, Call, EnumeratePendingAttachmentTransfersInput) ([]PendingTransfer, error)
	DescribeAttachment(context.Context, Call, DescribeAttachmentInput) (AttachmentDescription, error)
}

// The rows of the group.
var (
	NewAttachment = define(AttachmentGroup, "NewAttachment", Writes,
		"Take a copy of a local file, to be sent with SendMessage. Returns when the copy is safe; the file may change afterwards.",
		Engine.NewAttachment)
	CancelAttachmentUpload = define(AttachmentGroup, "CancelAttachmentUpload", Sets,
		"Give up a file that was not sent yet, or stop its upload while that is under way.", Engine.CancelAttachmentUpload)
	StartAttachmentDownload = define(AttachmentGroup, "StartAttachmentDownload", Sets,
		"Start fetching a file of a message. Notifications say how it goes, and StoredAttachmentPath where the file is.",
		Engine.StartAttachmentDownload)
	CancelAttachmentDownload = define(AttachmentGroup, "CancelAttachmentDownload", Sets,
		"Stop a download that is under way. Nothing of it is left.", Engine.CancelAttachmentDownload)
	UpdateAttachmentPath = define(AttachmentGroup, "UpdateAttachmentPath", Sets,
		"Move a fetched file to a new path and remember it.", Engine.UpdateAttachmentPath)
	StoredAttachmentPath = define(AttachmentGroup, "StoredAttachmentPath", Reads,
		"Get the local path of a file that was fetched on this device, or sent from it and not changed since; empty while there is none.", Engine.StoredAttachmentPath)
	EnumeratePendingAttachmentTransfers = define(AttachmentGroup, "EnumeratePendingAttachmentTransfers", Reads,
		"List the account's uploads and this device's downloads that are under way.", Engine.EnumeratePendingAttachmentTransfers)
	DescribeAttachment = define(AttachmentGroup, "DescribeAttachment", Reads,
		"Tell what a file is called, how large it is and where it was sent, without fetching it.", Engine.DescribeAttachment)
)

// The notifications of the group.
var (
	UploadStartEvent      = announce[Transfer]("upload-start-event", "A message was sent, and the upload of a file of it has started.")
	UploadProgressEvent   = announce[Transfer]("upload-progress-event", "An upload has advanced. A newer one replaces those before it in the log.")
	UploadCompleteEvent   = announce[Transfer]("upload-complete-event", "An upload is complete.")
	UploadErrorEvent      = announce[Transfer]("upload-error-event", "An upload has failed.")
	UploadCancelEvent     = announce[Transfer]("upload-cancel-event", "An upload was cancelled, or a file was given up before it was sent.")
	DownloadStartEvent    = announce[Transfer]("download-start-event", "A download has started.")
	DownloadProgressEvent = announce[Transfer]("download-progress-event", "A download has advanced. A newer one replaces those before it in the log.")
	DownloadCompleteEvent = announce[Transfer]("download-complete-event", "A download is complete; the file lies at path.")
	DownloadErrorEvent    = announce[Transfer]("download-error-event", "A download has failed.")
	DownloadCancelEvent   = announce[Transfer]("download-cancel-event", "A download was cancelled.")
)

// Transfer is the payload of the ten transfer notifications. Flow: err; the other fields
// are proposed. All devices of an account are told of its transfers, so that a download
// names the one that fetches the file.
type Transfer struct {
	AttachmentID AttachmentID `json:"attachmentId" jsonschema_description:"Attachment."`
	OrgID        OrgID        `json:"orgId" jsonschema_description:"Team."`
	ChannelID    ChannelID    `json:"channelId" jsonschema_description:"Channel of the message; empty when it was not sent."`
	MessageID    MessageID    `json:"messageId" jsonschema_description:"Message that carries the file; empty when it was not sent."`
	Filename     string       `json:"filename" jsonschema_description:"Base name of the file."`
	Transferred  int64        `json:"transferred" jsonschema_description:"Bytes so far." jsonschema:"minimum=0"`
	Total        int64        `json:"total" jsonschema_description:"Bytes in all." jsonschema:"minimum=0"`
	DeviceID     DeviceID     `json:"deviceId,omitzero" jsonschema_description:"Device that fetches the file; left out of uploads."`
	Path         string       `json:"path,omitzero" jsonschema_description:"Where the file lies, when a download is complete."`
	Err          string       `json:"err,omitzero" jsonschema_description:"What went wrong, in words."`
}

// Direction says which way a transfer goes.
type Direction string

// The directions.
const (
	Upload   Direction = "upload"
	Download Direction = "download"
)

// PendingTransfer is a transfer under way. Flow: PendingTransfer, all fields proposed.
type PendingTransfer struct {
	AttachmentID AttachmentID `json:"attachmentId" jsonschema_description:"Attachment."`
	Direction    Direction    `json:"direction" jsonschema_description:"upload or download." jsonschema:"enum=upload,enum=download"`
	OrgID        OrgID        `json:"orgId" jsonschema_description:"Team."`
	ChannelID    ChannelID    `json:"channelId" jsonschema_description:"Channel of the message."`
	MessageID    MessageID    `json:"messageId" jsonschema_description:"Message that carries the file."`
	Filename     string       `json:"filename" jsonschema_description:"Base name of the file."`
	Transferred  int64        `json:"transferred" jsonschema_description:"Bytes so far." jsonschema:"minimum=0"`
	Total        int64        `json:"total" jsonschema_description:"Bytes in all." jsonschema:"minimum=0"`
}

// AttachmentDescription says what a file is. Source: proposed by this project, so that a
// person can be asked about a file by its name.
type AttachmentDescription struct {
	ID           AttachmentID `json:"id" jsonschema_description:"Attachment."`
	OrgID        OrgID        `json:"orgId" jsonschema_description:"Team that it was registered for."`
	AccountID    AccountID    `json:"accountId" jsonschema_description:"Who registered it."`
	Filename     string       `json:"filename" jsonschema_description:"Base name: in the message, or else as it was registered."`
	Size         int64        `json:"size" jsonschema_description:"Bytes." jsonschema:"minimum=0"`
	CreationTime int64        `json:"creationTime" jsonschema_description:"When it was registered, in milliseconds since 1970 UTC."`
	ChannelID    ChannelID    `json:"channelId,omitzero" jsonschema_description:"Channel of the newest message that carries it; left out when there is none that the account can see."`
	MessageID    MessageID    `json:"messageId,omitzero" jsonschema_description:"That message."`
}

// NewAttachmentInput names a local file. Flow: NewAttachment. The file is read by the
// backend; later changes of it do not matter.
type NewAttachmentInput struct {
	OrgID    OrgID  `jsonschema_description:"Team in which it will be sent."`
	FilePath string `jsonschema_description:"Absolute path of a regular file of up to 2 GiB; no directory, no symbolic link." local:"source"`
}

// CancelAttachmentUploadInput names the attachment. Flow: CancelAttachmentUpload.
type CancelAttachmentUploadInput struct {
	AttachmentID AttachmentID `jsonschema_description:"Attachment."`
}

// StartAttachmentDownloadInput names the file and its message. Flow:
// StartAttachmentDownload; that the message may be left out is proposed. The file goes to
// FlowLocalAttachmentDir of [Config].
type StartAttachmentDownloadInput struct {
	AttachmentID AttachmentID `jsonschema_description:"Attachment."`
	OrgID        OrgID        `jsonschema_description:"Team of the channel." json:",omitzero"`
	ChannelID    ChannelID    `jsonschema_description:"Channel of the message; left out together with it." json:",omitzero"`
	MessageID    MessageID    `jsonschema_description:"Message that carries the file; the newest one when left out." json:",omitzero"`
}

// CancelAttachmentDownloadInput names the attachment. Flow: CancelAttachmentDownload.
type CancelAttachmentDownloadInput struct {
	AttachmentID AttachmentID `jsonschema_description:"Attachment."`
}

// UpdateAttachmentPathInput moves a file. Flow: UpdateAttachmentPath.
type UpdateAttachmentPathInput struct {
	AttachmentID AttachmentID `jsonschema_description:"Attachment."`
	NewPath      string       `jsonschema_description:"Absolute path, file name included, where there is no file yet." local:"target"`
}

// StoredAttachmentPathInput names the attachment. Flow: StoredAttachmentPath.
type StoredAttachmentPathInput struct {
	OrgID        OrgID        `jsonschema_description:"Team of the attachment." json:",omitzero"`
	AttachmentID AttachmentID `jsonschema_description:"Attachment."`
}

// DescribeAttachmentInput names a file of a message that the account can see, or one that
// it has registered.
type DescribeAttachmentInput struct {
	AttachmentID AttachmentID `jsonschema_description:"Attachment."`
}

// EnumeratePendingAttachmentTransfersInput has no parameters.
type EnumeratePendingAttachmentTransfersInput struct{}
