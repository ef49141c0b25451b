-- Up to which place in the log messages of a channel may be dated later than some after it,
-- since the clock was put back there.
ALTER TABLE channel ADD COLUMN ahead INTEGER NOT NULL DEFAULT 0;
UPDATE channel SET ahead = coalesce((SELECT max(seq) FROM (
  SELECT message.seq, message.created, lead(message.created) OVER (ORDER BY message.seq) AS later FROM message
  WHERE message.channel = channel.id AND message.deleted = 0
) WHERE created > later), 0);
