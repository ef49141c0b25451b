-- name: SetRetention :exec
UPDATE channel SET max_days = ?, max_messages = ? WHERE id = ?;

-- name: LimitedChannels :many
SELECT channel.id, channel.org, channel.public, org.public AS org_public,
  channel.max_days, channel.max_messages, channel.removed, channel.cleared, channel.ahead
FROM channel CROSS JOIN org ON org.id = channel.org
WHERE channel.max_days > 0 OR channel.max_messages > 0 OR channel.cleared > 0;

-- name: LimitedChannel :one
SELECT channel.id, channel.org, channel.public, org.public AS org_public,
  channel.max_days, channel.max_messages, channel.removed, channel.cleared, channel.ahead
FROM channel CROSS JOIN org ON org.id = channel.org
WHERE channel.id = ?;

-- name: SetCleared :exec
UPDATE channel SET cleared = ? WHERE id = ?;

-- name: SetAhead :exec
UPDATE channel SET ahead = ? WHERE id = ?;

-- name: PlaceOf :one
-- The place of a channel's oldest message but so many.
SELECT seq FROM message WHERE channel = ? AND deleted = 0 ORDER BY seq LIMIT 1 OFFSET ?;

-- name: Going :many
-- The oldest messages of a channel, which are the first to go. Up to a place where not all
-- are in the order of their dates only those that were sent before a time.
SELECT seq, uid, created FROM message WHERE channel = sqlc.arg(channel) AND deleted = 0
  AND (seq > sqlc.arg(ahead) OR seq <= sqlc.arg(up_to) OR created <= sqlc.arg(date))
ORDER BY seq LIMIT sqlc.arg(most);

-- name: OldestDate :one
-- When the oldest of the messages up to a place was sent; zero when there is none.
SELECT CAST(coalesce(min(created), 0) AS INTEGER) AS created FROM message WHERE channel = ? AND deleted = 0 AND seq <= ?;

-- name: OldestOf :many
SELECT seq, uid, created FROM message WHERE channel = ? AND deleted = 0 ORDER BY seq LIMIT ?;

-- name: CountRemoved :exec
UPDATE channel SET removed = removed + CAST(sqlc.arg(more) AS INTEGER) WHERE id = sqlc.arg(channel);
