-- Whether a session has heard that it has caught up with the log, which another owner of the
-- store is not to tell it again.
ALTER TABLE session ADD COLUMN synced INTEGER NOT NULL DEFAULT 0;
