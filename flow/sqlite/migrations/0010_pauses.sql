-- A session that was paused gets no notifications until it is resumed.
ALTER TABLE session ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
