-- name: AddMove :one
INSERT INTO move (device, attachment, source, size, modified, part) VALUES (?, ?, ?, ?, ?, ?) RETURNING *;

-- name: Moves :many
SELECT move.device, attachment.public FROM move CROSS JOIN attachment ON attachment.id = move.attachment
WHERE move.id > 0;

-- name: MoveOf :one
SELECT move.* FROM move JOIN attachment ON attachment.id = move.attachment
WHERE move.device = ? AND attachment.public = ?;

-- name: SetMovePath :exec
UPDATE move SET path = ?, reserved = ? WHERE id = ?;

-- name: PlaceMove :exec
UPDATE move SET placed = 1, path = '', reserved = 0 WHERE id = ?;

-- name: DropMove :exec
DELETE FROM move WHERE id = ?;
