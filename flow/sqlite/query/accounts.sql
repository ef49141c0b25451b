-- name: AddAccount :one
INSERT INTO account (public, server, username, folded, phone, verifier, kind, created)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id;

-- name: AccountByName :one
SELECT * FROM account WHERE server = ? AND folded = ?;

-- name: AccountByID :one
SELECT * FROM account WHERE id = ?;

-- name: AccountByPublic :one
SELECT * FROM account WHERE public = ?;

-- name: PhoneTaken :one
SELECT EXISTS (SELECT 1 FROM account WHERE phone = ?);

-- name: RenameAccount :exec
UPDATE account SET username = ?, folded = ? WHERE id = ?;

-- name: SetVerifier :exec
UPDATE account SET verifier = ? WHERE id = ?;

-- name: LockAccount :exec
UPDATE account SET lock = ? WHERE id = ?;

-- name: StateOver :one
-- The state of an account in the team of the machine that has all devices of another one;
-- empty when there is no such machine, or it is a stranger there.
SELECT CAST(coalesce((
  SELECT org_member.state FROM home JOIN org_member ON org_member.org = home.org
  WHERE org_member.account = sqlc.arg(account) AND home.home = (
    SELECT CASE WHEN min(device.home) = max(device.home) THEN min(device.home) END
    FROM device WHERE device.account = sqlc.arg(other))), '') AS TEXT) AS state;

-- name: RevokedDevices :many
SELECT id FROM device WHERE account = ? AND authorized = 0;

-- name: OtherDevice :one
SELECT EXISTS (SELECT 1 FROM device WHERE account = ? AND id <> ? AND authorized = 1);

-- name: AddDevice :one
INSERT INTO device (public, account, home, name, platform, os_release, cursor, created)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id;

-- name: DeviceByID :one
SELECT * FROM device WHERE id = ?;

-- name: DeviceAt :one
SELECT * FROM device WHERE account = ? AND home = ? ORDER BY authorized DESC, id DESC LIMIT 1;

-- name: Devices :many
SELECT * FROM device WHERE account = ? ORDER BY id;

-- name: DeviceByPublic :one
SELECT * FROM device WHERE public = ? AND account = ?;

-- name: RenameDevice :exec
UPDATE device SET name = ? WHERE id = ?;

-- name: AuthorizeDevice :exec
UPDATE device SET authorized = ? WHERE id = ?;

-- name: AdvanceDevice :exec
UPDATE device SET cursor = ?1 WHERE id = ?2 AND cursor < ?1;

-- name: LocalAccounts :many
SELECT account.username, account.server FROM device
JOIN account ON account.id = device.account
WHERE device.home = ? AND device.authorized = 1
GROUP BY account.id ORDER BY min(device.id);
