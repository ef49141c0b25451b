// Command bare is the least MCP server there is on the transport of this module: what
// starting one costs before it has anything to offer.
package main

import (
	"context"
	"os"

	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/internal/stdio"
)

func main() {
	srv := server.NewMCPServer("bare", "1")
	if err := stdio.New(srv, stdio.Options{}).Run(context.Background(), os.Stdin, os.Stdout); err != nil {
		os.Exit(1)
	}
}
