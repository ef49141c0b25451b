-- Both are members of a direct conversation, and what only an admin may undo is undone.
UPDATE channel_member SET state = 'm' WHERE state = 'a' AND channel IN (SELECT id FROM channel WHERE one IS NOT NULL);
UPDATE channel SET max_days = 0, max_messages = 0 WHERE one IS NOT NULL;
