-- How long and how many messages a channel keeps; zero is no limit. removed counts those
-- that are gone, by which the newest number tells how many are there.
ALTER TABLE channel ADD COLUMN max_days INTEGER NOT NULL DEFAULT 0;
ALTER TABLE channel ADD COLUMN max_messages INTEGER NOT NULL DEFAULT 0;
ALTER TABLE channel ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
UPDATE channel SET removed = (SELECT count(*) FROM message WHERE message.channel = channel.id AND message.deleted <> 0);
CREATE INDEX channel_limited ON channel (id) WHERE max_days > 0 OR max_messages > 0;

-- Deleted messages keep their rows but are in nobody's way.
DROP INDEX message_channel;
CREATE INDEX message_channel ON message (channel) WHERE deleted = 0;
CREATE INDEX message_removed ON message (channel) WHERE deleted <> 0;
