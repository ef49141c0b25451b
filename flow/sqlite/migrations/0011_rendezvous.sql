-- How a session lets a new device into its account. The id that the two share is a secret,
-- of which only the hash is here.
CREATE TABLE rendezvous (
  member  TEXT    NOT NULL,
  session INTEGER NOT NULL,
  hash    BLOB    NOT NULL UNIQUE,
  device  INTEGER NOT NULL REFERENCES device (id), -- that lets the new one in
  made    INTEGER REFERENCES device (id),          -- the new one, once it is there
  expires INTEGER NOT NULL,
  PRIMARY KEY (member, session),
  FOREIGN KEY (member, session) REFERENCES session (member, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX rendezvous_device ON rendezvous (device);
