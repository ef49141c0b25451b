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
