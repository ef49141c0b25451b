-- Contents of files. Each lies once in the directory blobs, named by its hash.
CREATE TABLE content (
  id     INTEGER PRIMARY KEY,
  sha256 BLOB    NOT NULL UNIQUE,
  size   INTEGER NOT NULL
) STRICT;

-- Files that were registered. One that was given up, or whose messages are gone, has no
-- content any more.
CREATE TABLE attachment (
  id       INTEGER PRIMARY KEY,
  public   TEXT    NOT NULL UNIQUE,
  org      INTEGER NOT NULL REFERENCES org (id),
  account  INTEGER NOT NULL REFERENCES account (id),
  device   INTEGER NOT NULL REFERENCES device (id), -- on which it was registered
  source   TEXT    NOT NULL,                        -- and where it lay there
  filename TEXT    NOT NULL,
  size     INTEGER NOT NULL,
  content  INTEGER REFERENCES content (id) ON DELETE SET NULL,
  sent     INTEGER NOT NULL DEFAULT 0,
  created  INTEGER NOT NULL
) STRICT;
CREATE INDEX attachment_content ON attachment (content);
CREATE INDEX attachment_unsent ON attachment (created) WHERE sent = 0 AND content IS NOT NULL;

-- Which message carries which file.
CREATE TABLE upload (
  id         INTEGER PRIMARY KEY,
  message    INTEGER NOT NULL REFERENCES message (seq) ON DELETE CASCADE,
  attachment INTEGER NOT NULL REFERENCES attachment (id),
  account    INTEGER NOT NULL REFERENCES account (id),
  filename   TEXT    NOT NULL, -- in this message
  status     TEXT    NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'complete', 'cancelled', 'failed')),
  UNIQUE (message, attachment)
) STRICT;
CREATE INDEX upload_attachment ON upload (attachment);
CREATE INDEX upload_pending ON upload (status, account) WHERE status = 'pending';

-- Downloads that are under way, and those that were cancelled until nothing of them is
-- left.
CREATE TABLE download (
  id        INTEGER PRIMARY KEY,
  device    INTEGER NOT NULL REFERENCES device (id),
  upload    INTEGER NOT NULL REFERENCES upload (id) ON DELETE CASCADE,
  dir       TEXT    NOT NULL,
  part      TEXT    NOT NULL,            -- name of the partial file there
  path      TEXT    NOT NULL DEFAULT '', -- of the file, once it is whole
  cancelled INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX download_pending ON download (device, upload) WHERE cancelled = 0;
CREATE INDEX download_upload ON download (upload);

-- Where the files lie that were downloaded.
CREATE TABLE stored_file (
  device     INTEGER NOT NULL REFERENCES device (id),
  attachment INTEGER NOT NULL REFERENCES attachment (id),
  path       TEXT    NOT NULL,
  PRIMARY KEY (device, attachment)
) STRICT, WITHOUT ROWID;

-- The files of a message as it was sent, as JSON; nothing when it has none.
ALTER TABLE message ADD COLUMN attachments TEXT NOT NULL DEFAULT '';

-- Where a backend process keeps what it downloads; empty for the store's own place.
ALTER TABLE seat ADD COLUMN downloads TEXT NOT NULL DEFAULT '';
