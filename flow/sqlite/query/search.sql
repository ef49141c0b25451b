-- name: SearchRows :many
-- Messages by their places, of those that an account may read.
SELECT message.seq, message.uid, channel.public AS channel, org.public AS org, account.public AS author,
  message.created, message.body, message.other, message.attachments
FROM json_each(CAST(sqlc.arg(places) AS TEXT)) AS place
CROSS JOIN message ON message.seq = place.value
CROSS JOIN channel_member ON channel_member.channel = message.channel AND channel_member.account = sqlc.arg(account)
CROSS JOIN channel ON channel.id = message.channel
CROSS JOIN org ON org.id = channel.org
CROSS JOIN account ON account.id = message.author
WHERE message.deleted = 0 AND channel_member.state <> 'b';

-- name: Texts :many
-- Texts by their places, to look closer at.
SELECT message.seq, message.channel, message.body, message.attachments
FROM json_each(CAST(sqlc.arg(places) AS TEXT)) AS place
CROSS JOIN message ON message.seq = place.value
WHERE message.deleted = 0;

-- name: ScanChannel :many
-- The newest texts of a channel before a place.
SELECT message.seq, message.channel, message.body, message.attachments FROM message
WHERE message.channel = sqlc.arg(channel) AND message.seq < sqlc.arg(before) AND message.deleted = 0
ORDER BY message.seq DESC LIMIT sqlc.arg(most);

-- name: ScanLog :many
-- The texts of a stretch of the log, newest first.
SELECT message.seq, message.channel, message.body, message.attachments FROM message
WHERE message.seq > sqlc.arg(after) AND message.seq < sqlc.arg(before) AND message.deleted = 0
ORDER BY message.seq DESC;

-- name: Remembered :many
-- Deleted messages whose words the search index may still have.
SELECT seq FROM message WHERE deleted = 2 ORDER BY seq LIMIT ?;

-- name: Forgotten :exec
-- It has no words of these any more.
UPDATE message SET deleted = 1
WHERE deleted = 2 AND seq IN (SELECT place.value FROM json_each(CAST(sqlc.arg(places) AS TEXT)) AS place);

-- name: AddSearch :exec
INSERT INTO search (member, session, id, url, upto) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET url = excluded.url, upto = excluded.upto;

-- name: SearchByID :one
SELECT url, upto FROM search WHERE member = ? AND session = ? AND id = ?;

-- name: CountSearches :one
-- The other searches of a session.
SELECT count(*) FROM search WHERE member = ? AND session = ? AND id <> ?;

-- name: DropSearch :exec
DELETE FROM search WHERE member = ? AND session = ? AND id = ?;
