-- name: AddKeyRing :one
INSERT INTO key_ring (public, account, key, seed, created) VALUES (?, ?, ?, ?, ?) RETURNING id;

-- name: KeyRingOf :one
-- The newest key ring of an account.
SELECT * FROM key_ring WHERE account = ? ORDER BY id DESC LIMIT 1;

-- name: SetVerification :exec
INSERT INTO verification (account, peer, ring, method, created) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET ring = excluded.ring, method = excluded.method, created = excluded.created;

-- name: PeerFor :one
-- An account as another one sees it.
SELECT account.public, account.username, account.server, account.kind, key_ring.public AS ring, key_ring.key,
  EXISTS (SELECT 1 FROM verification WHERE verification.account = sqlc.arg(viewer)
    AND verification.peer = account.id AND verification.ring = key_ring.id) AS verified
FROM account CROSS JOIN key_ring ON key_ring.id = (SELECT max(k.id) FROM key_ring AS k WHERE k.account = account.id)
WHERE account.id = sqlc.arg(account);

-- name: PeersFor :many
-- The account itself and all that share a team with it, as it sees them.
SELECT account.public, account.username, account.server, account.kind, key_ring.public AS ring, key_ring.key,
  EXISTS (SELECT 1 FROM verification WHERE verification.account = sqlc.arg(viewer)
    AND verification.peer = account.id AND verification.ring = key_ring.id) AS verified
FROM account CROSS JOIN key_ring ON key_ring.id = (SELECT max(k.id) FROM key_ring AS k WHERE k.account = account.id)
WHERE account.id IN (
  SELECT CAST(sqlc.arg(viewer) AS INTEGER)
  UNION SELECT theirs.account FROM org_member AS mine CROSS JOIN org_member AS theirs ON theirs.org = mine.org
  WHERE mine.account = sqlc.arg(viewer) AND mine.state <> 'b' AND theirs.state <> 'b')
ORDER BY account.folded, account.id;

-- name: VaultName :one
SELECT vault FROM store;

-- name: SetVaultName :exec
UPDATE store SET vault = ?;

-- name: AccountsAfter :many
-- The next accounts by id, and whether they have a key ring.
SELECT account.id, EXISTS (SELECT 1 FROM key_ring WHERE key_ring.account = account.id) AS keyed
FROM account WHERE account.id > ? ORDER BY account.id LIMIT 500;

-- name: ChannelEpoch :one
-- The number of a channel's newest session key, 0 when there is none.
SELECT CAST(coalesce(max(epoch), 0) AS INTEGER) AS epoch FROM channel_key WHERE channel = ?;

-- name: AddChannelKey :exec
INSERT INTO channel_key (channel, epoch, secret, created) VALUES (?, ?, ?, ?);

-- name: AnyoneIn :one
SELECT EXISTS (SELECT 1 FROM channel_member WHERE channel = ? AND state <> 'b');

-- name: KeyRingByPublic :one
-- A key ring, whose it is, and whether it is the newest of that account.
SELECT key_ring.key, key_ring.account,
  NOT EXISTS (SELECT 1 FROM key_ring AS k WHERE k.account = key_ring.account AND k.id > key_ring.id) AS newest
FROM key_ring WHERE key_ring.public = ?;
