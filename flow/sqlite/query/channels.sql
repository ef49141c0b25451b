-- name: AddChannel :one
INSERT INTO channel (public, org, name, one, other, created) VALUES (?, ?, ?, ?, ?, ?) RETURNING id;

-- name: ChannelFor :one
-- A channel as one account has it; the state is empty for strangers.
SELECT channel.id, channel.org, channel.name, channel.one, channel.other, channel.max_days, channel.max_messages,
  channel.removed, org.public AS org_public, CAST(coalesce(channel_member.state, '') AS TEXT) AS state
FROM channel JOIN org ON org.id = channel.org
LEFT JOIN channel_member ON channel_member.channel = channel.id AND channel_member.account = sqlc.arg(account)
WHERE channel.public = sqlc.arg(public);

-- name: ChannelByID :one
SELECT channel.*, org.public AS org_public FROM channel JOIN org ON org.id = channel.org
WHERE channel.id = ?;

-- name: DirectChannel :one
SELECT id, public FROM channel WHERE org = ? AND one = ? AND other = ?;

-- name: ChannelsOf :many
SELECT channel.public, channel.name, channel.one, channel.other, channel.max_days, channel.max_messages, org.public AS org_public,
  CAST(coalesce(account.public, '') AS TEXT) AS partner
FROM channel_member CROSS JOIN channel ON channel.id = channel_member.channel
JOIN org ON org.id = channel.org
LEFT JOIN account ON account.id = CASE channel.one WHEN channel_member.account THEN channel.other ELSE channel.one END
WHERE channel_member.account = ? AND channel_member.state <> 'b' AND channel.org = ?;

-- name: ChannelIDsIn :many
-- The channels of a team that an account is in.
SELECT channel.id FROM channel_member CROSS JOIN channel ON channel.id = channel_member.channel
WHERE channel_member.account = ? AND channel_member.state <> 'b' AND channel.org = ?;

-- name: ChannelMember :one
SELECT state, since FROM channel_member WHERE channel = ? AND account = ?;

-- name: OthersIn :one
-- Whether anybody else than an account is in a channel, and whether any of them administers it.
SELECT EXISTS (SELECT 1 FROM channel_member WHERE channel_member.channel = sqlc.arg(channel)
    AND channel_member.account <> sqlc.arg(account) AND channel_member.state <> 'b') AS members,
  EXISTS (SELECT 1 FROM channel_member WHERE channel_member.channel = sqlc.arg(channel)
    AND channel_member.account <> sqlc.arg(account) AND channel_member.state IN ('o', 'a')) AS admins;

-- name: Successor :one
-- Who becomes the admin of a channel that has none: nobody when it has one, or no members.
SELECT account.id, account.public FROM channel_member
JOIN channel ON channel.id = channel_member.channel
JOIN account ON account.id = channel_member.account
JOIN org_member ON org_member.org = channel.org AND org_member.account = channel_member.account
WHERE channel_member.channel = sqlc.arg(channel) AND channel_member.state = 'm' AND NOT EXISTS (
  SELECT 1 FROM channel_member AS admin WHERE admin.channel = sqlc.arg(channel) AND admin.state IN ('o', 'a'))
ORDER BY account.kind <> '', account.lock <> 0,
  CASE org_member.state WHEN 'o' THEN 0 WHEN 'a' THEN 1 ELSE 2 END, channel_member.since, channel_member.account
LIMIT 1;

-- name: SetChannelMember :exec
INSERT INTO channel_member (channel, account, state, since, changed) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET state = excluded.state, since = excluded.since, changed = excluded.changed;

-- name: AddChannelHistory :exec
INSERT INTO channel_history (seq, channel, account, state, changed) VALUES (?, ?, ?, ?, ?);

-- name: ChannelMembers :many
SELECT account.id, account.public, channel_member.state, channel_member.changed
FROM channel_member JOIN account ON account.id = channel_member.account
WHERE channel_member.channel = ? AND channel_member.state <> 'b' ORDER BY channel_member.account;

-- name: ChannelHistory :many
SELECT account.public, channel_history.state, channel_history.changed
FROM channel_history JOIN account ON account.id = channel_history.account
WHERE channel_history.channel = ? ORDER BY channel_history.seq DESC;
