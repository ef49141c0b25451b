-- Domains of user names that teams have claimed. Who has the key of one may make its
-- directory account.
CREATE TABLE domain (
  id      INTEGER PRIMARY KEY,
  server  TEXT    NOT NULL,
  name    TEXT    NOT NULL,                -- as names are compared
  org     INTEGER NOT NULL REFERENCES org (id),
  key     BLOB    NOT NULL UNIQUE,         -- SHA-256 of it
  account INTEGER REFERENCES account (id), -- null until the directory account is made
  created INTEGER NOT NULL,
  UNIQUE (server, name)
) STRICT;
CREATE INDEX domain_account ON domain (account) WHERE account IS NOT NULL;

-- Accounts that a directory manages.
CREATE TABLE managed (
  account INTEGER PRIMARY KEY REFERENCES account (id),
  domain  INTEGER NOT NULL REFERENCES domain (id),
  level2  BLOB    NOT NULL, -- SHA-256 of the secret that the directory account keeps
  created INTEGER NOT NULL
) STRICT;

-- Key rings of directory accounts to which a machine gives passwords.
CREATE TABLE directory_trust (
  home    TEXT    NOT NULL,
  account INTEGER NOT NULL REFERENCES account (id),
  ring    INTEGER NOT NULL REFERENCES key_ring (id),
  created INTEGER NOT NULL,
  PRIMARY KEY (home, account)
) STRICT, WITHOUT ROWID;

-- Directory passwords that are being checked. A row lives as long as a call waits for it;
-- the event that announced it stays in the log, and names nothing but user and token.
CREATE TABLE bind (
  request  BLOB    PRIMARY KEY,     -- id of the call
  token    TEXT    NOT NULL UNIQUE,
  account  INTEGER NOT NULL REFERENCES account (id), -- of the user
  domain   INTEGER NOT NULL REFERENCES domain (id),
  ring     INTEGER NOT NULL REFERENCES key_ring (id), -- that can open the box
  box      BLOB    NOT NULL,        -- the password, encrypted; empty once it was answered
  level2   BLOB,                    -- SHA-256 of the secret of a request to link
  answered INTEGER NOT NULL DEFAULT 0,
  expires  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
