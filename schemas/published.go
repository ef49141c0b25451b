package schemas

import (
	"embed"
	"encoding/json"
)

// files are the published schemas of the tools. They are part of the program so that it
// need not make them again at every start, which would take longer than all else that
// happens before the first answer.
//
//go:embed *.json
var files embed.FS

// Published returns the schemas of a tool as they stand in its file. It reports false
// when there is none, as for a tool that has just been added.
func Published(tool string) (input, output json.RawMessage, ok bool) {
	raw, err := files.ReadFile(tool + ".json")
	if err != nil {
		return nil, nil, false
	}
	var entry struct{ InputSchema, OutputSchema json.RawMessage }
	if err := json.Unmarshal(raw, &entry); err != nil {
		return nil, nil, false
	}
	return entry.InputSchema, entry.OutputSchema, true
}
