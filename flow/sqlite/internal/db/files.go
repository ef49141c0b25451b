package db

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Files are the attachments of a message, kept as JSON in its row. The empty list is
// empty text there, and never nil here.
type Files []flow.Attachment

// Scan implements [sql.Scanner].
func (f *Files) Scan(value any) error {
	*f = Files{}
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("read files of a message: they are a %T", value)
	}
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), f); err != nil {
		return fmt.Errorf("read files of a message: %w", err)
	}
	return nil
}

// Value implements [driver.Valuer].
func (f Files) Value() (driver.Value, error) {
	if len(f) == 0 {
		return "", nil
	}
	text, err := json.Marshal(f)
	return string(text), err
}
