-- name: AddMessage :execrows
INSERT INTO message (seq, channel, chseq, uid, author, created, body, other, attachments)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (uid) DO NOTHING;

-- name: LastMessage :one
-- The number and the date of a channel's newest message, deleted or not; zero before the
-- first one.
SELECT CAST(coalesce(max(chseq), 0) AS INTEGER) AS number, CAST(coalesce(created, 0) AS INTEGER) AS created FROM (
  SELECT * FROM (SELECT m.chseq, m.created FROM message AS m WHERE m.channel = sqlc.arg(channel) AND m.deleted = 0 ORDER BY m.seq DESC LIMIT 1)
  UNION ALL
  SELECT * FROM (SELECT m.chseq, m.created FROM message AS m WHERE m.channel = sqlc.arg(channel) AND m.deleted <> 0 ORDER BY m.seq DESC LIMIT 1)
);

-- name: MessageByUID :one
SELECT seq, channel, author, deleted FROM message WHERE uid = ?;

-- name: MessageContent :one
SELECT channel, author, deleted, body, other, attachments FROM message WHERE uid = ?;

-- name: NewestMessages :many
SELECT message.uid, account.public, message.created, message.body, message.other, message.attachments
FROM message CROSS JOIN account ON account.id = message.author
WHERE message.channel = sqlc.arg(channel) AND message.seq > sqlc.arg(after) AND message.seq < sqlc.arg(before)
  AND message.deleted = 0
ORDER BY message.seq DESC LIMIT sqlc.arg(most);

-- name: OldestMessages :many
SELECT message.uid, account.public, message.created, message.body, message.other, message.attachments
FROM message CROSS JOIN account ON account.id = message.author
WHERE message.channel = sqlc.arg(channel) AND message.seq > sqlc.arg(after) AND message.seq < sqlc.arg(before)
  AND message.deleted = 0
ORDER BY message.seq LIMIT sqlc.arg(most);

-- name: CountDeleted :one
-- How many messages between two places are gone, up to as many as are asked for.
SELECT count(*) FROM (
  SELECT 1 FROM message WHERE message.channel = sqlc.arg(channel) AND message.deleted <> 0
    AND message.seq > sqlc.arg(after) AND message.seq < sqlc.arg(before)
  LIMIT sqlc.arg(most)
);
