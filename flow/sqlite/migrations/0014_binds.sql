-- Directory passwords that are being checked. A row lives as long as a call waits for it,
-- and so does the event that announced it.
DROP TABLE bind;
CREATE TABLE bind (
  request  BLOB    PRIMARY KEY,     -- names the call on its session
  token    TEXT    NOT NULL UNIQUE,
  account  INTEGER NOT NULL REFERENCES account (id), -- of the user
  home     TEXT    NOT NULL,        -- machine on which the password was given
  domain   INTEGER NOT NULL REFERENCES domain (id),
  ring     INTEGER NOT NULL REFERENCES key_ring (id), -- that can open the box
  box      BLOB    NOT NULL,        -- the password, encrypted; empty once it was answered
  mark     BLOB    NOT NULL,        -- of the password, by the vault
  level2   BLOB,                    -- SHA-256 of the secret of a request to link
  event    INTEGER NOT NULL,        -- that announced it
  answered INTEGER NOT NULL DEFAULT 0,
  expires  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bind_account ON bind (account, home);

-- Events that were withdrawn and held the end of the log then.
CREATE INDEX event_withdrawn ON event (seq) WHERE account IS NULL AND channel IS NULL AND org IS NULL;
