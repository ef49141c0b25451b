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
