-- Backend processes that were taken for gone. They may only have been stopped, so their
-- sessions stay for a while.
CREATE TABLE departure (
  member TEXT    PRIMARY KEY,
  at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
