-- When the source of a file had changed last before it was copied, in nanoseconds since
-- 1970, by which it is known whether it has changed since.
ALTER TABLE attachment ADD COLUMN modified INTEGER NOT NULL DEFAULT 0;
