-- Where a file is about to land in a directory of somebody else, so that what a process
-- that died has left there is told from what others have put there.

-- The path of a download is that which its file has or is about to get, once it is whole.
-- This says whether an empty file may hold it.
ALTER TABLE download ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0;

-- Files on their way from one place of a device to another.
CREATE TABLE move (
  id         INTEGER PRIMARY KEY,
  device     INTEGER NOT NULL REFERENCES device (id),
  attachment INTEGER NOT NULL REFERENCES attachment (id),
  source     TEXT    NOT NULL,            -- where the file lay
  size       INTEGER NOT NULL,            -- and by what it is known there
  modified   INTEGER NOT NULL,            -- in nanoseconds since 1970
  part       TEXT    NOT NULL,            -- what it is called beside its new place
  path       TEXT    NOT NULL DEFAULT '', -- as of downloads
  reserved   INTEGER NOT NULL DEFAULT 0,
  placed     INTEGER NOT NULL DEFAULT 0,  -- it is known to lie there; what is left goes
  UNIQUE (device, attachment)
) STRICT;
