-- name: AddContent :one
INSERT INTO content (sha256, size) VALUES (?, ?)
ON CONFLICT (sha256) DO UPDATE SET size = excluded.size RETURNING id;

-- name: HasContent :one
SELECT EXISTS (SELECT 1 FROM content WHERE sha256 = ?);

-- name: UnusedContents :many
-- Contents that no file has which can still be sent or fetched.
SELECT content.id, content.sha256 FROM content
WHERE content.id > sqlc.arg(after) AND NOT EXISTS (
  SELECT 1 FROM attachment WHERE attachment.content = content.id AND (attachment.sent = 0 OR EXISTS (
    SELECT 1 FROM upload CROSS JOIN message ON message.seq = upload.message
    WHERE upload.attachment = attachment.id AND upload.status IN ('pending', 'complete')
      AND (message.deleted = 0 OR EXISTS (SELECT 1 FROM kept_message WHERE kept_message.message = message.seq)))))
ORDER BY content.id LIMIT sqlc.arg(most);

-- name: DropUnusedContent :execrows
DELETE FROM content WHERE content.id = ? AND NOT EXISTS (
  SELECT 1 FROM attachment WHERE attachment.content = content.id AND (attachment.sent = 0 OR EXISTS (
    SELECT 1 FROM upload CROSS JOIN message ON message.seq = upload.message
    WHERE upload.attachment = attachment.id AND upload.status IN ('pending', 'complete')
      AND (message.deleted = 0 OR EXISTS (SELECT 1 FROM kept_message WHERE kept_message.message = message.seq)))));

-- name: Unsent :many
-- Files that were registered before some time and are still to be sent, oldest first.
SELECT public FROM attachment
WHERE sent = 0 AND content IS NOT NULL AND created < CAST(sqlc.arg(before) AS INTEGER) ORDER BY created LIMIT sqlc.arg(most);

-- name: AddAttachment :exec
INSERT INTO attachment (public, org, account, device, source, modified, filename, size, content, created)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: AttachmentByPublic :one
SELECT attachment.*, org.public AS org_public FROM attachment JOIN org ON org.id = attachment.org
WHERE attachment.public = ?;

-- name: RegisteredFile :one
SELECT attachment.source, attachment.size, CAST(coalesce(content.sha256, x'') AS BLOB) AS sha256
FROM attachment LEFT JOIN content ON content.id = attachment.content
WHERE attachment.public = ?;

-- name: GiveUpAttachment :exec
UPDATE attachment SET content = NULL WHERE id = ?;

-- name: MarkSent :exec
UPDATE attachment SET sent = 1 WHERE id = ?;

-- name: StateWithFile :one
-- What an account is in the channel of the newest message with a file, among those it is in.
SELECT channel_member.state FROM upload CROSS JOIN message ON message.seq = upload.message
CROSS JOIN channel_member ON channel_member.channel = message.channel AND channel_member.account = sqlc.arg(account)
WHERE upload.attachment = sqlc.arg(attachment) AND message.deleted = 0 AND channel_member.state <> 'b'
ORDER BY upload.id DESC LIMIT 1;

-- name: StateWithDeletedFile :one
-- What an account is in the team of a file that deleted messages carry which were kept.
SELECT org_member.state, account.kind FROM upload CROSS JOIN kept_message ON kept_message.message = upload.message
CROSS JOIN org_member ON org_member.org = kept_message.org AND org_member.account = sqlc.arg(account)
CROSS JOIN account ON account.id = org_member.account
WHERE upload.attachment = sqlc.arg(attachment) LIMIT 1;

-- name: CarrierOf :one
-- The newest message that carries a file and that an account can see, and what the file is
-- called there.
SELECT channel.public AS channel, message.uid, upload.filename FROM attachment CROSS JOIN upload ON upload.attachment = attachment.id
CROSS JOIN message ON message.seq = upload.message
CROSS JOIN channel ON channel.id = message.channel
CROSS JOIN channel_member ON channel_member.channel = message.channel AND channel_member.account = sqlc.arg(account)
WHERE attachment.public = sqlc.arg(public) AND message.deleted = 0 AND channel_member.state <> 'b'
ORDER BY upload.id DESC LIMIT 1;

-- name: AddUpload :one
INSERT INTO upload (message, attachment, account, filename) VALUES (?, ?, ?, ?) RETURNING id;

-- name: UploadByID :one
SELECT upload.id, upload.account, upload.status, upload.filename, attachment.public, attachment.size,
  org.public AS org, channel.public AS channel, message.uid, message.deleted,
  EXISTS (SELECT 1 FROM kept_message WHERE kept_message.message = message.seq) AS kept, content.sha256
FROM upload CROSS JOIN attachment ON attachment.id = upload.attachment
CROSS JOIN message ON message.seq = upload.message
CROSS JOIN channel ON channel.id = message.channel
CROSS JOIN org ON org.id = channel.org
LEFT JOIN content ON content.id = attachment.content
WHERE upload.id = ?;

-- name: UploadsOf :many
SELECT id, status FROM upload WHERE attachment = ? ORDER BY id;

-- name: UploadIn :one
SELECT upload.id FROM upload CROSS JOIN attachment ON attachment.id = upload.attachment
WHERE upload.message = ? AND attachment.public = ?;

-- name: SetUploadStatus :execrows
UPDATE upload SET status = ? WHERE id = ? AND status = 'pending';

-- name: PendingUploads :many
SELECT id FROM upload WHERE status = 'pending';

-- name: PendingUploadsOf :many
SELECT id FROM upload WHERE account = ? AND status = 'pending' ORDER BY id;

-- name: AddDownload :one
INSERT INTO download (device, upload, dir, part) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id;

-- name: PendingDownload :one
SELECT id FROM download WHERE device = ? AND upload = ? AND cancelled = 0;

-- name: DownloadByID :one
SELECT download.*, device.account, upload.attachment, upload.message,
  CAST(coalesce(channel_member.state, 'b') AS TEXT) AS state, CAST(coalesce(stored_file.path, '') AS TEXT) AS stored_path
FROM download CROSS JOIN device ON device.id = download.device
CROSS JOIN upload ON upload.id = download.upload
CROSS JOIN message ON message.seq = upload.message
LEFT JOIN channel_member ON channel_member.channel = message.channel AND channel_member.account = device.account
LEFT JOIN stored_file ON stored_file.device = download.device AND stored_file.attachment = upload.attachment
WHERE download.id = ?;

-- name: SetDownloadPath :exec
UPDATE download SET path = ?, reserved = ? WHERE id = ?;

-- name: EndDownload :execrows
DELETE FROM download WHERE id = ? AND cancelled = 0;

-- name: CancelDownload :exec
UPDATE download SET cancelled = 1 WHERE id = ?;

-- name: DropCancelled :exec
DELETE FROM download WHERE id = ? AND cancelled = 1;

-- name: Downloads :many
SELECT id FROM download WHERE id > 0 ORDER BY id;

-- name: PendingDownloadsTo :many
SELECT download.id, download.upload, attachment.public
FROM download CROSS JOIN upload ON upload.id = download.upload
CROSS JOIN attachment ON attachment.id = upload.attachment
WHERE download.device = ? AND download.cancelled = 0 ORDER BY download.upload;

-- name: CancelledDownloadsTo :many
SELECT download.id FROM attachment CROSS JOIN upload ON upload.attachment = attachment.id
CROSS JOIN download ON download.upload = upload.id
WHERE attachment.public = sqlc.arg(public) AND download.device = sqlc.arg(device) AND download.cancelled = 1;

-- name: StoreFile :exec
INSERT INTO stored_file (device, attachment, path) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET path = excluded.path;

-- name: StoredFile :one
SELECT path FROM stored_file WHERE device = ? AND attachment = ?;

-- name: IsUploaded :one
SELECT EXISTS (SELECT 1 FROM upload WHERE attachment = ? AND status = 'complete');

-- name: AddMove :one
INSERT INTO move (device, attachment, source, size, modified, part) VALUES (?, ?, ?, ?, ?, ?) RETURNING *;

-- name: Moves :many
SELECT move.device, attachment.public FROM move CROSS JOIN attachment ON attachment.id = move.attachment
WHERE move.id > 0;

-- name: MoveOf :one
SELECT move.* FROM move JOIN attachment ON attachment.id = move.attachment
WHERE move.device = ? AND attachment.public = ?;

-- name: SetMovePath :exec
UPDATE move SET path = ?, reserved = ? WHERE id = ?;

-- name: PlaceMove :exec
UPDATE move SET placed = 1, path = '', reserved = 0 WHERE id = ?;

-- name: DropMove :exec
DELETE FROM move WHERE id = ?;
