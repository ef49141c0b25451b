-- name: Profile :one
-- An item as it was told last; its content is empty once it was removed.
SELECT content, event FROM profile WHERE account = ? AND item = ?;

-- name: CountProfiles :one
SELECT count(*) FROM profile WHERE account = ? AND content <> '';

-- name: SetProfile :exec
INSERT INTO profile (account, item, event, content) VALUES (?, ?, ?, ?)
ON CONFLICT (account, item) DO UPDATE SET event = excluded.event, content = excluded.content;

-- name: KnownProfiles :many
-- An item of an account and of all that share a team with it; empty where there is none.
SELECT account.public, account.username, CAST(coalesce(profile.content, '') AS TEXT) AS content
FROM account LEFT JOIN profile ON profile.account = account.id AND profile.item = sqlc.arg(item)
WHERE account.id IN (
  SELECT CAST(sqlc.arg(viewer) AS INTEGER)
  UNION SELECT theirs.account FROM org_member AS mine CROSS JOIN org_member AS theirs ON theirs.org = mine.org
  WHERE mine.account = sqlc.arg(viewer) AND mine.state <> 'b' AND theirs.state <> 'b')
ORDER BY account.folded, account.id;

-- name: KnownProfilesSize :one
-- About how many bytes KnownProfiles answers with.
SELECT CAST(coalesce(sum(octet_length(profile.content)), 0) AS INTEGER) AS bytes FROM profile
WHERE profile.item = sqlc.arg(item) AND profile.account IN (
  SELECT CAST(sqlc.arg(viewer) AS INTEGER)
  UNION SELECT theirs.account FROM org_member AS mine CROSS JOIN org_member AS theirs ON theirs.org = mine.org
  WHERE mine.account = sqlc.arg(viewer) AND mine.state <> 'b' AND theirs.state <> 'b');
