-- What tells a repeated call from another one under the same request id: a mark of its
-- parameters, by the vault. It is empty of a call that was made before there were marks,
-- and says nothing when it is of another vault; such a call is taken for the same.
ALTER TABLE request ADD COLUMN mark BLOB NOT NULL DEFAULT x'';
