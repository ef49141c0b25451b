package command

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/flow-mcp/flow-mcp/flow/backend"
	"github.com/flow-mcp/flow-mcp/flow/process"
	"github.com/flow-mcp/flow-mcp/flow/sqlite"
)

// Backend is the command that runs the embedded engine for whoever has its token.
type Backend struct {
	storeFlags
	patienceFlags
	UntilStdinCloses bool   `help:"End when standard input is closed."`
	UntilParentEnds  bool   `help:"End when the program that started this one has ended; so under the name semaphor-backend or flowappglue."`
	Existing         bool   `help:"Make no store: fail where there is none."`
	DecrementFile    string `placeholder:"PATH" help:"Accepted and ignored, for programs that pass it."`
	Port             int    `arg:"" optional:"" default:"0" help:"Port to listen on; 0 for any."`
}

// closingTime is how long the store may take to close.
const closingTime = 1500 * time.Millisecond

// Run serves the Flow protocol on 127.0.0.1.
func (b *Backend) Run(ctx context.Context, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if b.UntilStdinCloses {
		go func() { // ends with the process: a read of standard input cannot be stopped
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}
	if b.UntilParentEnds {
		parent := process.FindParent()
		go func() {
			parent.Wait(ctx)
			cancel()
		}()
	}
	defer context.AfterFunc(ctx, func() {
		// Whoever started us may be gone: nobody else would end a store that hangs.
		time.AfterFunc(closingTime, func() { os.Exit(1) })
	})()
	runtime.GOMAXPROCS(sqlite.Processors())
	store, err := sqlite.Open(ctx, string(b.DataDir), sqlite.Options{Log: log, Version: Release(), Patience: b.GiveUpAfter.Duration, Existing: b.Existing})
	if err != nil {
		return err
	}
	serving := &backend.Server{Caller: store, Log: log}
	return errors.Join(serving.Serve(ctx, b.Port, os.Stdout), store.Close())
}
