package command

import (
	"errors"
	"time"
)

// patienceFlags say when a process that hangs is given up.
type patienceFlags struct {
	GiveUpAfter patience `env:"FLOW_MCP_GIVE_UP_AFTER" placeholder:"TIME" default:"15s" help:"How long a backend that is there and does not answer is waited for, before it is replaced or calls fail that need it; ${default} when not given. (${env})"`
}

// patience is a time that no process needs for an answer unless it hangs.
type patience struct{ time.Duration }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (p *patience) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < time.Second {
		return errors.New("give a time of a second or more, such as 15s or 2m")
	}
	p.Duration = d
	return nil
}
