-- Which vault has sealed the secrets of this store; empty before the first one.
ALTER TABLE store ADD COLUMN vault TEXT NOT NULL DEFAULT '';

-- The newest key ring of an account, by id, is the one that counts. Older ones remain so
-- that what was signed with them can still be checked.
CREATE TABLE key_ring (
  id      INTEGER PRIMARY KEY,
  public  TEXT    NOT NULL UNIQUE,
  account INTEGER NOT NULL REFERENCES account (id),
  key     BLOB    NOT NULL, -- Ed25519 public key
  seed    BLOB    NOT NULL, -- of the private key, sealed
  created INTEGER NOT NULL
) STRICT;
CREATE INDEX key_ring_account ON key_ring (account);

-- Which key ring of a peer an account has verified last.
CREATE TABLE verification (
  account INTEGER NOT NULL REFERENCES account (id),
  peer    INTEGER NOT NULL REFERENCES account (id),
  ring    INTEGER NOT NULL REFERENCES key_ring (id),
  method  TEXT    NOT NULL, -- as the program said
  created INTEGER NOT NULL,
  PRIMARY KEY (account, peer)
) STRICT, WITHOUT ROWID;

-- Session keys of channels: a new one when the channel is made and when a member leaves.
CREATE TABLE channel_key (
  channel INTEGER NOT NULL REFERENCES channel (id),
  epoch   INTEGER NOT NULL, -- 1, 2, 3 ... in its channel
  secret  BLOB    NOT NULL, -- 32 bytes, sealed
  created INTEGER NOT NULL,
  PRIMARY KEY (channel, epoch)
) STRICT, WITHOUT ROWID;
