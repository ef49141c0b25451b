-- Up to which place of the log the messages of a channel are to go, since it was deleted;
-- zero when none are. In one that nobody is in any more nobody can get in.
ALTER TABLE channel ADD COLUMN cleared INTEGER NOT NULL DEFAULT 0;
UPDATE channel SET cleared = coalesce((SELECT max(message.seq) FROM message WHERE message.channel = channel.id AND message.deleted = 0), 0)
WHERE one IS NULL AND NOT EXISTS (SELECT 1 FROM channel_member WHERE channel_member.channel = channel.id AND channel_member.state <> 'b');
DROP INDEX channel_limited;
CREATE INDEX channel_limited ON channel (id) WHERE max_days > 0 OR max_messages > 0 OR cleared > 0;

-- A message that was deleted is 2 until the search index has forgotten its words, and then 1.
CREATE INDEX message_remembered ON message (seq) WHERE deleted = 2;
