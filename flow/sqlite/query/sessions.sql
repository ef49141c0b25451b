-- name: StoreID :one
SELECT id FROM store;

-- name: SetSeat :exec
INSERT INTO seat (member, home, downloads) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET home = excluded.home, downloads = excluded.downloads;

-- name: SeatOf :one
SELECT home, downloads FROM seat WHERE member = ?;

-- name: DropSeat :exec
DELETE FROM seat WHERE member = ?;

-- name: NewestSession :one
SELECT id FROM session WHERE member = ? ORDER BY id DESC LIMIT 1;

-- name: AddSession :exec
INSERT INTO session (member, id) VALUES (?, ?);

-- name: SessionByID :one
SELECT session.account, session.device, session.cursor, session.paused, session.synced,
  CAST(coalesce(account.public, '') AS TEXT) AS public
FROM session LEFT JOIN account ON account.id = session.account
WHERE session.member = ? AND session.id = ?;

-- name: StartSession :exec
UPDATE session SET account = ?, device = ?, cursor = ? WHERE member = ? AND id = ?;

-- name: MoveSession :exec
UPDATE session SET cursor = ?, synced = ? WHERE member = ? AND id = ?;

-- name: PauseSession :exec
-- After a pause a session has to catch up again.
UPDATE session SET paused = ?1, synced = iif(paused = ?1, synced, 0) WHERE member = ? AND id = ?;

-- name: DropSessions :exec
DELETE FROM session WHERE member = ?;

-- name: SessionMembers :many
-- Those that were there when the store was last open.
SELECT member FROM session UNION SELECT member FROM seat EXCEPT SELECT member FROM departure;

-- name: NoteDeparture :exec
INSERT INTO departure (member, at) VALUES (?, ?) ON CONFLICT DO UPDATE SET at = excluded.at;

-- name: DropDeparture :exec
DELETE FROM departure WHERE member = ?;

-- name: Departures :many
SELECT member, at FROM departure;

-- name: HomeOf :one
SELECT home.org, home.channel, org.public AS org_public, channel.public AS channel_public
FROM home JOIN org ON org.id = home.org JOIN channel ON channel.id = home.channel
WHERE home.home = ?;

-- name: IsHome :one
SELECT EXISTS (SELECT 1 FROM home WHERE channel = ?);

-- name: AddHome :exec
INSERT INTO home (home, org, channel) VALUES (?, ?, ?);

-- name: AddRequest :exec
INSERT INTO request (uid, method, scope, mark, result, created) VALUES (?, ?, ?, ?, ?, ?);

-- name: RequestByUID :one
SELECT method, scope, mark, result FROM request WHERE uid = ?;

-- name: IsRequest :one
SELECT EXISTS (SELECT 1 FROM request WHERE uid = ?);

-- name: PruneRequests :execrows
DELETE FROM request WHERE uid IN (SELECT uid FROM request WHERE request.created < ? ORDER BY request.created LIMIT 1000);
