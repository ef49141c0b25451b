-- name: ReadMark :one
SELECT read_mark.seq, read_mark.event, message.uid FROM read_mark
JOIN message ON message.seq = read_mark.seq
WHERE read_mark.account = ? AND read_mark.channel = ?;

-- name: SetReadMark :exec
INSERT INTO read_mark (account, channel, seq, event) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET seq = excluded.seq, event = excluded.event;

-- name: CountUnread :one
-- What others than an account wrote in a channel after its read mark, as far as it is counted.
SELECT count(*) FROM (
  SELECT 1 FROM message WHERE message.channel = sqlc.arg(channel) AND message.author <> sqlc.arg(account)
    AND message.deleted = 0 AND message.seq > coalesce((SELECT read_mark.seq FROM read_mark
      WHERE read_mark.account = sqlc.arg(account) AND read_mark.channel = sqlc.arg(channel)), 0)
  LIMIT 101
);

-- name: AllChannelsOf :many
SELECT channel.id, channel.public, channel.name, channel.one, channel.max_days, channel.max_messages, org.public AS org_public,
  CAST(coalesce(account.public, '') AS TEXT) AS partner
FROM channel_member CROSS JOIN channel ON channel.id = channel_member.channel
JOIN org ON org.id = channel.org
LEFT JOIN account ON account.id = CASE channel.one WHEN channel_member.account THEN channel.other ELSE channel.one END
WHERE channel_member.account = ? AND channel_member.state <> 'b';

-- name: UnreadCounts :many
-- The same in each channel of an account where anybody has written after its read mark. Most
-- are not among them, and are passed over in the indexes.
SELECT channel_member.channel, (
  SELECT count(*) FROM (
    SELECT 1 FROM message WHERE message.channel = channel_member.channel AND message.author <> sqlc.arg(account)
      AND message.deleted = 0 AND message.seq > coalesce(read_mark.seq, 0)
    LIMIT 101
  )
) AS unread
FROM channel_member
LEFT JOIN read_mark ON read_mark.account = channel_member.account AND read_mark.channel = channel_member.channel
WHERE channel_member.account = sqlc.arg(account) AND channel_member.state <> 'b' AND EXISTS (
  SELECT 1 FROM message WHERE message.channel = channel_member.channel
    AND message.deleted = 0 AND message.seq > coalesce(read_mark.seq, 0)
);

-- name: LastMessages :many
-- The newest message of each channel of an account that has any, cut where it is longer
-- than an overview shows.
SELECT channel_member.channel, message.uid, account.public AS author, message.created, message.attachments,
  CAST(iif(octet_length(message.body) > 4096, substr(message.body, 1, 1024), message.body) AS TEXT) AS body,
  CAST(iif(octet_length(message.other) > 4096, '', message.other) AS TEXT) AS other,
  CAST(max(octet_length(message.body), octet_length(message.other)) > 4096 AS INTEGER) AS cut
FROM channel_member CROSS JOIN message ON message.seq = (
  SELECT newest.seq FROM message AS newest WHERE newest.channel = channel_member.channel AND newest.deleted = 0
  ORDER BY newest.seq DESC LIMIT 1
)
CROSS JOIN account ON account.id = message.author
WHERE channel_member.account = sqlc.arg(account) AND channel_member.state <> 'b';

-- name: OrgViews :many
-- What an account sees of the log: from where on, in which team.
SELECT org, state, since FROM org_member WHERE account = ? AND state <> 'b';

-- name: ChannelViews :many
SELECT channel, state, since FROM channel_member WHERE account = ? AND state <> 'b';
