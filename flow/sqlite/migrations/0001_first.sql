-- Public ids are text made by flow.NewID; the integer keys never leave the store.
-- Times are milliseconds since 1970 UTC. States are o, a, m and b.

-- The identity of this store, by which the search file knows whether it belongs here.
CREATE TABLE store (
  only    INTEGER PRIMARY KEY CHECK (only = 1),
  id      TEXT    NOT NULL,
  created INTEGER NOT NULL
) STRICT;

CREATE TABLE account (
  id       INTEGER PRIMARY KEY,
  public   TEXT    NOT NULL UNIQUE,
  server   TEXT    NOT NULL,
  username TEXT    NOT NULL,
  folded   TEXT    NOT NULL,            -- the user name as names are compared
  phone    TEXT    NOT NULL UNIQUE,
  verifier TEXT    NOT NULL DEFAULT '', -- of the password; empty while there is none
  created  INTEGER NOT NULL,
  UNIQUE (server, folded)
) STRICT;

CREATE TABLE device (
  id         INTEGER PRIMARY KEY,
  public     TEXT    NOT NULL UNIQUE,
  account    INTEGER NOT NULL REFERENCES account (id),
  home       TEXT    NOT NULL, -- the machine it is on; empty for the store's own
  name       TEXT    NOT NULL,
  platform   TEXT    NOT NULL,
  os_release TEXT    NOT NULL,
  authorized INTEGER NOT NULL DEFAULT 1,
  cursor     INTEGER NOT NULL, -- the last event that one of its sessions has seen
  created    INTEGER NOT NULL
) STRICT;
CREATE INDEX device_account ON device (account);
CREATE INDEX device_home ON device (home);

-- A seat is one backend process; it may stand for another machine than the store's.
CREATE TABLE seat (
  member TEXT PRIMARY KEY,
  home   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Sessions are rows so that they go on when another process takes over the store.
CREATE TABLE session (
  member  TEXT    NOT NULL,
  id      INTEGER NOT NULL,
  account INTEGER REFERENCES account (id), -- null until one is started
  device  INTEGER REFERENCES device (id),
  cursor  INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (member, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE org (
  id           INTEGER PRIMARY KEY,
  public       TEXT    NOT NULL UNIQUE,
  name         TEXT    NOT NULL,
  discoverable INTEGER NOT NULL,
  created      INTEGER NOT NULL
) STRICT;

-- since is the place in the log from which on the member sees what happens.
CREATE TABLE org_member (
  org     INTEGER NOT NULL REFERENCES org (id),
  account INTEGER NOT NULL REFERENCES account (id),
  state   TEXT    NOT NULL CHECK (state IN ('o', 'a', 'm', 'b')),
  since   INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  PRIMARY KEY (org, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX org_member_account ON org_member (account);

CREATE TABLE org_history (
  seq     INTEGER PRIMARY KEY, -- of the event that announced it
  org     INTEGER NOT NULL REFERENCES org (id),
  account INTEGER NOT NULL REFERENCES account (id),
  state   TEXT    NOT NULL,
  changed INTEGER NOT NULL
) STRICT;
CREATE INDEX org_history_org ON org_history (org);

CREATE TABLE join_request (
  org     INTEGER NOT NULL REFERENCES org (id),
  account INTEGER NOT NULL REFERENCES account (id),
  created INTEGER NOT NULL,
  PRIMARY KEY (org, account)
) STRICT, WITHOUT ROWID;

-- In a direct conversation one and other are its two parties, the smaller key first.
CREATE TABLE channel (
  id      INTEGER PRIMARY KEY,
  public  TEXT    NOT NULL UNIQUE,
  org     INTEGER NOT NULL REFERENCES org (id),
  name    TEXT    NOT NULL,
  one     INTEGER REFERENCES account (id),
  other   INTEGER REFERENCES account (id),
  created INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX channel_direct ON channel (org, one, other) WHERE one IS NOT NULL;

CREATE TABLE channel_member (
  channel INTEGER NOT NULL REFERENCES channel (id),
  account INTEGER NOT NULL REFERENCES account (id),
  state   TEXT    NOT NULL CHECK (state IN ('o', 'a', 'm', 'b')),
  since   INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  PRIMARY KEY (channel, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX channel_member_account ON channel_member (account);

CREATE TABLE channel_history (
  seq     INTEGER PRIMARY KEY, -- of the event that announced it
  channel INTEGER NOT NULL REFERENCES channel (id),
  account INTEGER NOT NULL REFERENCES account (id),
  state   TEXT    NOT NULL,
  changed INTEGER NOT NULL
) STRICT;
CREATE INDEX channel_history_channel ON channel_history (channel);

-- The team and channel in which the accounts of a machine meet.
CREATE TABLE home (
  home    TEXT    PRIMARY KEY,
  org     INTEGER NOT NULL REFERENCES org (id),
  channel INTEGER NOT NULL REFERENCES channel (id)
) STRICT, WITHOUT ROWID;

-- Messages and events share one sequence: the event log.
CREATE TABLE message (
  seq     INTEGER PRIMARY KEY,
  channel INTEGER NOT NULL REFERENCES channel (id),
  chseq   INTEGER NOT NULL,            -- 1, 2, 3 ... in its channel, whose newest row stays
  uid     BLOB    NOT NULL UNIQUE,     -- 16 bytes: the public id, made by the sender
  author  INTEGER NOT NULL REFERENCES account (id),
  created INTEGER NOT NULL,
  deleted INTEGER NOT NULL DEFAULT 0,
  body    TEXT    NOT NULL,
  other   TEXT    NOT NULL             -- JSON text or nothing
) STRICT;
-- The row id is part of every index: this one is (channel, seq).
CREATE INDEX message_channel ON message (channel);

-- Who sees an event: the account, the members of the channel, and the members of the
-- org, or of them only its owners and admins.
CREATE TABLE event (
  seq     INTEGER PRIMARY KEY,
  kind    TEXT    NOT NULL,
  account INTEGER REFERENCES account (id),
  channel INTEGER REFERENCES channel (id),
  org     INTEGER REFERENCES org (id),
  admins  INTEGER NOT NULL DEFAULT 0,
  data    TEXT    NOT NULL
) STRICT;
CREATE INDEX event_account ON event (account) WHERE account IS NOT NULL;
CREATE INDEX event_channel ON event (channel) WHERE channel IS NOT NULL;
CREATE INDEX event_org ON event (org) WHERE org IS NOT NULL;

CREATE TABLE read_mark (
  account INTEGER NOT NULL REFERENCES account (id),
  channel INTEGER NOT NULL REFERENCES channel (id),
  seq     INTEGER NOT NULL, -- of the message
  event   INTEGER NOT NULL, -- that announced it; the next one replaces it
  PRIMARY KEY (account, channel)
) STRICT, WITHOUT ROWID;

-- What writes answered, for those that are repeated.
CREATE TABLE request (
  uid     BLOB    PRIMARY KEY,
  method  TEXT    NOT NULL,
  scope   TEXT    NOT NULL, -- who asked
  result  TEXT    NOT NULL,
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX request_created ON request (created);
