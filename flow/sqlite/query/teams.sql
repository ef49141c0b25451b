-- name: AddOrg :one
INSERT INTO org (public, name, discoverable, created) VALUES (?, ?, ?, ?) RETURNING id;

-- name: OrgFor :one
-- An org as one account has it; the state is empty for strangers, and j for those who wait
-- for an answer to their join request.
SELECT org.id, org.public, org.name, org.discoverable,
  CAST(coalesce(org_member.state, (SELECT 'j' FROM join_request
    WHERE join_request.org = org.id AND join_request.account = sqlc.arg(account)), '') AS TEXT) AS state
FROM org LEFT JOIN org_member ON org_member.org = org.id AND org_member.account = sqlc.arg(account)
WHERE org.public = sqlc.arg(public);

-- name: OrgsOf :many
SELECT org.public, org.name, org.discoverable, org_member.state
FROM org_member JOIN org ON org.id = org_member.org
WHERE org_member.account = ? AND org_member.state <> 'b' ORDER BY org_member.org;

-- name: OrgMember :one
SELECT state, since FROM org_member WHERE org = ? AND account = ?;

-- name: SetOrgMember :exec
INSERT INTO org_member (org, account, state, since, changed) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET state = excluded.state, since = excluded.since, changed = excluded.changed;

-- name: AddOrgHistory :exec
INSERT INTO org_history (seq, org, account, state, changed) VALUES (?, ?, ?, ?, ?);

-- name: OrgMembers :many
SELECT account.public, account.kind, org_member.state, org_member.changed
FROM org_member JOIN account ON account.id = org_member.account
WHERE org_member.org = ? AND org_member.state <> 'b' ORDER BY org_member.account;

-- name: OrgHistory :many
SELECT account.public, account.kind, org_history.state, org_history.changed
FROM org_history JOIN account ON account.id = org_history.account
WHERE org_history.org = ? ORDER BY org_history.seq DESC;

-- name: CountOrgMembers :one
SELECT count(*) FROM org_member WHERE org = ? AND state <> 'b';

-- name: OtherOwner :one
SELECT EXISTS (SELECT 1 FROM org_member WHERE org = ? AND account <> ? AND state = 'o');

-- name: AddJoinRequest :execrows
INSERT INTO join_request (org, account, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING;

-- name: DropJoinRequest :exec
DELETE FROM join_request WHERE org = ? AND account = ?;

-- name: JoinRequests :many
SELECT account.public, account.kind, join_request.created
FROM join_request JOIN account ON account.id = join_request.account
WHERE join_request.org = ? ORDER BY join_request.created, join_request.account;
