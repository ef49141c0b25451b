-- name: ClaimDomain :exec
INSERT INTO domain (server, name, org, key, created) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (server, name) DO UPDATE SET org = excluded.org, key = excluded.key, account = NULL;

-- name: DomainByName :one
SELECT * FROM domain WHERE server = ? AND name = ?;

-- name: DomainByKey :one
SELECT domain.*, org.public AS org_public FROM domain JOIN org ON org.id = domain.org WHERE domain.key = ?;

-- name: DomainOf :one
-- The domain of a directory account, and what the account is in its team.
SELECT domain.*, CAST(coalesce(org_member.state, '') AS TEXT) AS state
FROM domain LEFT JOIN org_member ON org_member.org = domain.org AND org_member.account = domain.account
WHERE domain.account = CAST(sqlc.arg(account) AS INTEGER);

-- name: SetDomainAccount :exec
UPDATE domain SET account = ? WHERE id = ?;

-- name: SetManaged :exec
INSERT INTO managed (account, domain, level2, created) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET domain = excluded.domain, level2 = excluded.level2;

-- name: Managed :one
SELECT * FROM managed WHERE account = ?;

-- name: TrustDirectory :exec
INSERT INTO directory_trust (home, account, ring, created) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET ring = excluded.ring, created = excluded.created;

-- name: TrustedRing :one
SELECT ring FROM directory_trust WHERE home = ? AND account = ?;

-- name: UntrustDirectory :exec
DELETE FROM directory_trust WHERE home = ? AND account = ?;

-- name: AddBind :exec
INSERT INTO bind (request, token, account, home, domain, ring, box, mark, level2, event, expires)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: PendingBinds :one
SELECT count(*) FROM bind WHERE account = ? AND home = ? AND answered = 0 AND expires > ?;

-- name: BindByRequest :one
SELECT * FROM bind WHERE request = ?;

-- name: BindByToken :one
SELECT * FROM bind WHERE token = ?;

-- name: AnswerBind :exec
UPDATE bind SET answered = 1, box = x'' WHERE request = ?;

-- name: DropBind :exec
DELETE FROM bind WHERE request = ?;

-- name: ExpiredBinds :many
SELECT request, event FROM bind WHERE expires < ?;

-- name: KeyRingByID :one
SELECT * FROM key_ring WHERE id = ?;
