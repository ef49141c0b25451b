-- What the account may not do: 0 nothing is locked, 1 all, 2 all but what leads out of it.
ALTER TABLE account ADD COLUMN lock INTEGER NOT NULL DEFAULT 0 CHECK (lock IN (0, 1, 2));
