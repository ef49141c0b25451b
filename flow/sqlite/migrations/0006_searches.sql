-- Searches of sessions, so that another owner of the store can do them again.
CREATE TABLE search (
  member  TEXT    NOT NULL,
  session INTEGER NOT NULL,
  id      TEXT    NOT NULL, -- chosen by the program
  url     TEXT    NOT NULL,
  upto    INTEGER NOT NULL, -- of the log when it was started
  PRIMARY KEY (member, session, id),
  FOREIGN KEY (member, session) REFERENCES session (member, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
