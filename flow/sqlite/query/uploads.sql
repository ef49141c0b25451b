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

-- name: IsUploaded :one
SELECT EXISTS (SELECT 1 FROM upload WHERE attachment = ? AND status = 'complete');
