-- name: EndOfLog :one
SELECT CAST(max(coalesce((SELECT max(message.seq) FROM message), 0), coalesce((SELECT max(event.seq) FROM event), 0)) AS INTEGER) AS seq;

-- name: AddEvent :exec
INSERT INTO event (seq, kind, account, channel, org, admins, data) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: AddEventTeams :many
-- Shows an event to the members of all teams of an account too.
INSERT INTO event_team (seq, org)
SELECT CAST(sqlc.arg(seq) AS INTEGER), org FROM org_member WHERE account = sqlc.arg(account) AND state <> 'b'
RETURNING org;

-- name: DropEvent :exec
DELETE FROM event WHERE seq = ?;

-- name: WithdrawEvent :exec
-- An event that nobody sees any more, which keeps its place.
UPDATE event SET account = NULL, channel = NULL, org = NULL, data = '' WHERE seq = ?;

-- name: DropWithdrawn :exec
DELETE FROM event WHERE account IS NULL AND channel IS NULL AND org IS NULL AND seq < ?;

-- name: MessagesBetween :many
-- The messages in a stretch of the log that an account may see.
SELECT message.seq, message.uid, channel.public AS channel, org.public AS org, account.public AS author,
  message.created, message.body, message.other, message.attachments
FROM message
CROSS JOIN channel_member ON channel_member.channel = message.channel AND channel_member.account = sqlc.arg(account)
CROSS JOIN channel ON channel.id = message.channel
CROSS JOIN org ON org.id = channel.org
CROSS JOIN account ON account.id = message.author
WHERE message.seq > sqlc.arg(after) AND message.seq <= sqlc.arg(up_to) AND message.deleted = 0
  AND channel_member.state <> 'b' AND channel_member.since <= message.seq
ORDER BY message.seq LIMIT sqlc.arg(most);

-- name: EventsBetween :many
-- The other events in a stretch of the log that an account may see.
SELECT event.seq, event.kind, event.data FROM event
WHERE event.seq > sqlc.arg(after) AND event.seq <= sqlc.arg(up_to) AND (
  event.account = sqlc.arg(viewer)
  OR EXISTS (SELECT 1 FROM channel_member AS c WHERE c.channel = event.channel AND c.account = sqlc.arg(viewer)
    AND c.state <> 'b' AND c.since <= event.seq)
  OR EXISTS (SELECT 1 FROM org_member AS o WHERE o.org = event.org AND o.account = sqlc.arg(viewer)
    AND o.state <> 'b' AND o.since <= event.seq AND (event.admins = 0 OR o.state IN ('o', 'a')))
  OR EXISTS (SELECT 1 FROM event_team AS t JOIN org_member AS o ON o.org = t.org AND o.account = sqlc.arg(viewer)
    WHERE t.seq = event.seq AND o.state <> 'b' AND o.since <= event.seq))
ORDER BY event.seq LIMIT sqlc.arg(most);

-- name: NextSeen :one
-- The first place after a cursor at which there may be something for an account. It
-- looks once into each of its channels and teams, so that what others say costs nothing.
SELECT CAST(coalesce(min(seq), 0) AS INTEGER) AS next FROM (
  SELECT (SELECT min(m.seq) FROM message AS m WHERE m.channel = c.channel AND m.deleted = 0 AND m.seq > max(CAST(sqlc.arg(after) AS INTEGER), c.since - 1)) AS seq
  FROM channel_member AS c WHERE c.account = sqlc.arg(viewer) AND c.state <> 'b'
  UNION ALL
  SELECT (SELECT min(e.seq) FROM event AS e WHERE e.channel = c.channel AND e.seq > max(CAST(sqlc.arg(after) AS INTEGER), c.since - 1))
  FROM channel_member AS c WHERE c.account = sqlc.arg(viewer) AND c.state <> 'b'
  UNION ALL
  SELECT (SELECT min(e.seq) FROM event AS e WHERE e.org = o.org AND e.seq > max(CAST(sqlc.arg(after) AS INTEGER), o.since - 1))
  FROM org_member AS o WHERE o.account = sqlc.arg(viewer) AND o.state <> 'b'
  UNION ALL
  SELECT (SELECT min(t.seq) FROM event_team AS t WHERE t.org = o.org AND t.seq > max(CAST(sqlc.arg(after) AS INTEGER), o.since - 1))
  FROM org_member AS o WHERE o.account = sqlc.arg(viewer) AND o.state <> 'b'
  UNION ALL
  SELECT min(e.seq) FROM event AS e WHERE e.account = sqlc.arg(viewer) AND e.seq > CAST(sqlc.arg(after) AS INTEGER)
);
