-- name: SetRendezvous :exec
-- A session has one at a time.
INSERT INTO rendezvous (member, session, hash, device, expires) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (member, session) DO UPDATE SET hash = excluded.hash, device = excluded.device, made = NULL, expires = excluded.expires;

-- name: RendezvousOf :one
SELECT hash FROM rendezvous WHERE member = ? AND session = ?;

-- name: RendezvousByHash :one
SELECT rendezvous.device, rendezvous.made, rendezvous.expires, device.account
FROM rendezvous JOIN device ON device.id = rendezvous.device
WHERE rendezvous.hash = ?;

-- name: MeetRendezvous :exec
UPDATE rendezvous SET made = ? WHERE hash = ?;

-- name: EndRendezvous :exec
-- What has let a device in was of use and is not needed any more.
DELETE FROM rendezvous WHERE hash = ? AND made IS NOT NULL;

-- name: CancelRendezvous :exec
DELETE FROM rendezvous WHERE member = ? AND session = ? AND made IS NULL;

-- name: CancelRendezvousOfDevice :exec
DELETE FROM rendezvous WHERE device = ?;

-- name: CancelRendezvousOfAccount :exec
DELETE FROM rendezvous WHERE device IN (SELECT device.id FROM device WHERE device.account = ?);

-- name: PruneRendezvous :exec
DELETE FROM rendezvous WHERE expires < ?;
