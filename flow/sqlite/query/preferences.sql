-- name: Preferences :many
SELECT name, value FROM preference WHERE kind = ? AND owner = ?;

-- name: Preference :one
SELECT value FROM preference WHERE kind = ? AND owner = ? AND name = ?;

-- name: SetPreference :exec
INSERT INTO preference (kind, owner, name, value) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, owner, name) DO UPDATE SET value = excluded.value;

-- name: DropPreference :exec
DELETE FROM preference WHERE kind = ? AND owner = ? AND name = ?;

-- name: CountPreferences :one
SELECT count(*) FROM preference WHERE kind = ? AND owner = ?;
