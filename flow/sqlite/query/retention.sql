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

-- name: OldestAfter :many
-- The oldest messages of a channel after a place.
SELECT seq, uid, created FROM message WHERE channel = sqlc.arg(channel) AND deleted = 0 AND seq > sqlc.arg(after)
ORDER BY seq LIMIT sqlc.arg(most);

-- name: FirstAstray :one
-- The first of the messages up to a place that is dated later, by more than some slack,
-- than one after it; zero when there is none. What comes after the place is not dated
-- earlier than a time.
SELECT CAST(coalesce(min(seq), 0) AS INTEGER) AS seq FROM (
  SELECT seq, created, min(created) OVER (ORDER BY seq DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS later
  FROM message WHERE channel = sqlc.arg(channel) AND deleted = 0 AND seq <= sqlc.arg(ahead)
) WHERE created - CAST(sqlc.arg(slack) AS INTEGER) > min(coalesce(later, CAST(sqlc.arg(earliest) AS INTEGER)), CAST(sqlc.arg(earliest) AS INTEGER));

-- name: SentBefore :many
-- The messages up to a place that were sent before a time.
SELECT seq, uid, created FROM message
WHERE channel = sqlc.arg(channel) AND deleted = 0 AND seq <= sqlc.arg(ahead) AND created <= sqlc.arg(date)
ORDER BY seq LIMIT sqlc.arg(most);

-- name: OldestDate :one
-- When the oldest of the messages up to a place was sent; zero when there is none.
SELECT CAST(coalesce(min(created), 0) AS INTEGER) AS created FROM message WHERE channel = ? AND deleted = 0 AND seq <= ?;

-- name: CountRemoved :exec
UPDATE channel SET removed = removed + CAST(sqlc.arg(more) AS INTEGER) WHERE id = sqlc.arg(channel);
