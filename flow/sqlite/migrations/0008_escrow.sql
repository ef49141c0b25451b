-- What an account is for: empty for ordinary ones, escrow for those that may read what
-- was deleted in their teams.
ALTER TABLE account ADD COLUMN kind TEXT NOT NULL DEFAULT '' CHECK (kind IN ('', 'escrow', 'directory'));
CREATE INDEX account_escrow ON account (id) WHERE kind = 'escrow';

-- Of a deleted message only its place is left in the log.
UPDATE message SET body = '', other = '', attachments = '' WHERE deleted <> 0;

-- What the deleted messages said of those teams that had an escrow account then.
CREATE TABLE kept_message (
  message     INTEGER PRIMARY KEY REFERENCES message (seq),
  org         INTEGER NOT NULL REFERENCES org (id),
  channel     INTEGER NOT NULL REFERENCES channel (id),
  body        TEXT    NOT NULL,
  other       TEXT    NOT NULL,
  attachments TEXT    NOT NULL,
  removed     INTEGER NOT NULL
) STRICT;
CREATE INDEX kept_message_place ON kept_message (org, channel);
