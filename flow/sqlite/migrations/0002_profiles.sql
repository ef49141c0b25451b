-- The members of a team that see an event beside those that its row names.
CREATE TABLE event_team (
  seq INTEGER NOT NULL REFERENCES event (seq) ON DELETE CASCADE,
  org INTEGER NOT NULL REFERENCES org (id),
  PRIMARY KEY (seq, org)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_team_org ON event_team (org);

CREATE TABLE profile (
  id      INTEGER PRIMARY KEY,
  account INTEGER NOT NULL REFERENCES account (id),
  item    TEXT    NOT NULL,
  event   INTEGER NOT NULL, -- that announced it; the next one replaces it
  content TEXT    NOT NULL,
  UNIQUE (account, item)
) STRICT;
