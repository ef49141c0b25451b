-- name: HasEscrow :one
-- Whether there is an escrow account in a team.
SELECT EXISTS (SELECT 1 FROM account
  CROSS JOIN org_member ON org_member.org = sqlc.arg(org) AND org_member.account = account.id
  WHERE account.kind = 'escrow' AND org_member.state <> 'b');

-- name: KeepMessage :exec
INSERT INTO kept_message (message, org, channel, body, other, attachments, removed)
SELECT message.seq, CAST(sqlc.arg(org) AS INTEGER), message.channel, message.body, message.other, message.attachments, CAST(sqlc.arg(removed) AS INTEGER)
FROM message WHERE message.seq = sqlc.arg(seq) AND message.deleted = 0;

-- name: DeleteMessage :execrows
-- Nothing of what the message said is left in its row. The search index still has its words.
UPDATE message SET deleted = 2, body = '', other = '', attachments = '' WHERE seq = ? AND deleted = 0;

-- name: StateWithDeleted :one
-- What an account is in the team of a deleted message that was kept.
SELECT org_member.state, account.kind FROM kept_message
CROSS JOIN org_member ON org_member.org = kept_message.org AND org_member.account = sqlc.arg(account)
CROSS JOIN account ON account.id = org_member.account
WHERE kept_message.message = sqlc.arg(message);

-- name: KeptChannels :many
-- The channels of a team in which something was deleted and kept.
SELECT channel.public, channel.name, channel.one, count(*) AS messages
FROM kept_message CROSS JOIN channel ON channel.id = kept_message.channel
WHERE kept_message.org = ? GROUP BY kept_message.channel;

-- name: NewestKept :many
SELECT message.uid, account.public, message.created, kept_message.body, kept_message.other, kept_message.attachments
FROM kept_message CROSS JOIN message ON message.seq = kept_message.message
CROSS JOIN account ON account.id = message.author
WHERE kept_message.org = (SELECT channel.org FROM channel WHERE channel.id = sqlc.arg(channel))
  AND kept_message.channel = sqlc.arg(channel)
  AND kept_message.message > sqlc.arg(after) AND kept_message.message < sqlc.arg(before)
ORDER BY kept_message.message DESC LIMIT sqlc.arg(most);

-- name: OldestKept :many
SELECT message.uid, account.public, message.created, kept_message.body, kept_message.other, kept_message.attachments
FROM kept_message CROSS JOIN message ON message.seq = kept_message.message
CROSS JOIN account ON account.id = message.author
WHERE kept_message.org = (SELECT channel.org FROM channel WHERE channel.id = sqlc.arg(channel))
  AND kept_message.channel = sqlc.arg(channel)
  AND kept_message.message > sqlc.arg(after) AND kept_message.message < sqlc.arg(before)
ORDER BY kept_message.message LIMIT sqlc.arg(most);
