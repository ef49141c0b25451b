-- name: SetRetention :exec
UPDATE channel SET max_days = ?, max_messages = ? WHERE id = ?;

-- name: LimitedChannels :many
SELECT channel.id, channel.org, channel.public, org.public AS org_public,
  channel.max_days, channel.max_messages, channel.removed, channel.cleared
FROM channel CROSS JOIN org ON org.id = channel.org
WHERE channel.max_days > 0 OR channel.max_messages > 0 OR channel.cleared > 0;

-- name: LimitedChannel :one
SELECT channel.id, channel.org, channel.public, org.public AS org_public,
  channel.max_days, channel.max_messages, channel.removed, channel.cleared
FROM channel CROSS JOIN org ON org.id = channel.org
WHERE channel.id = ?;

-- name: SetCleared :exec
UPDATE channel SET cleared = ? WHERE id = ?;

-- name: OldestOf :many
-- The oldest messages of a channel, which are the first to go.
SELECT seq, uid, created FROM message WHERE channel = ? AND deleted = 0 ORDER BY seq LIMIT ?;

-- name: CountRemoved :exec
UPDATE channel SET removed = removed + CAST(sqlc.arg(more) AS INTEGER) WHERE id = sqlc.arg(channel);
