CREATE TABLE preference (
  id    INTEGER PRIMARY KEY,
  kind  TEXT    NOT NULL CHECK (kind IN ('account', 'org', 'opaque')), -- opaque ones are of orgs too
  owner INTEGER NOT NULL,
  name  TEXT    NOT NULL,
  value TEXT    NOT NULL, -- JSON, or URL-safe base64 when it is opaque
  UNIQUE (kind, owner, name)
) STRICT;
