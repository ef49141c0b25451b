package resources

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Limits of files as resources.
const (
	maxPart   = 4 << 20  // bytes of one answer; in base64 less than the 10 MB that clients take
	maxFile   = 64 << 20 // bytes of a file that is read at all
	fetchTime = 2 * time.Minute
)

// readFile answers with a file, or with the part of it that begins at an offset.
func (r *Resources) readFile(ctx context.Context, uri string, a address) ([]mcp.ResourceContents, error) {
	path, err := r.fetch(ctx, flow.AttachmentID(a.ref))
	if err != nil {
		return nil, refuse(uri, err)
	}
	part, err := readPart(path, a.offset)
	if err != nil {
		return nil, refuse(uri, err)
	}
	meta := map[string]any{MetaForeign: true, MetaSize: part.size}
	if end := part.offset + int64(len(part.bytes)); end < part.size {
		meta[MetaNext] = address{kind: atAttachment, ref: a.ref, offset: &end}.String()
	}
	return []mcp.ResourceContents{mcp.BlobResourceContents{
		URI: uri, MIMEType: part.mime, Blob: base64.StdEncoding.EncodeToString(part.bytes), Meta: meta,
	}}, nil
}

// fetch brings a file to this device, unless it is too large to be read here.
func (r *Resources) fetch(ctx context.Context, id flow.AttachmentID) (path string, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	done, err := flow.Fetch(ctx, r.client, flow.StartAttachmentDownloadInput{AttachmentID: id}, func(t flow.Transfer) {
		if t.Total > maxFile {
			stop(tooLarge(t.Total))
		}
	})
	if err != nil && ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	return done.Path, err
}

func tooLarge(size int64) error {
	return flow.Errorf(flow.Unsupported,
		"the file has %d bytes, and resources show files of up to %d; save it with a download instead", size, maxFile)
}

// part is a part of a file, perhaps all of it.
type part struct {
	bytes        []byte
	offset, size int64
	mime         string // of the whole file
}

// readPart reads a file from offset on. Without one it reads the whole file, and refuses
// one that is longer than an answer: half a picture is none.
func readPart(path string, offset *int64) (part, error) {
	file, size, err := openRegular(path)
	if err != nil {
		return part{}, err
	}
	defer file.Close()
	p := part{size: size}
	switch {
	case size > maxFile:
		return p, tooLarge(size)
	case offset == nil && size > maxPart:
		return p, flow.Errorf(flow.Invalid, "the file has %d bytes, and one answer holds %d; read it in parts: ?offset=0 and on", size, maxPart)
	case offset != nil:
		p.offset = min(*offset, size)
	}
	head := make([]byte, 512)
	n, err := file.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return p, fmt.Errorf("read the file: %w", err)
	}
	p.mime = mimeOf(head[:n])
	p.bytes, err = io.ReadAll(io.NewSectionReader(file, p.offset, min(maxPart, size-p.offset)))
	if err != nil {
		return p, fmt.Errorf("read the file: %w", err)
	}
	return p, nil
}

// openRegular opens what a backend says is a file: no link, device or pipe.
func openRegular(path string) (file *os.File, size int64, err error) {
	before, err := os.Lstat(path)
	if err != nil {
		return nil, 0, fmt.Errorf("find the fetched file: %w", err)
	}
	if !before.Mode().IsRegular() {
		return nil, 0, flow.Errorf(flow.Internal, "what the backend has fetched is no regular file")
	}
	if file, err = os.Open(path); err != nil {
		return nil, 0, fmt.Errorf("open the fetched file: %w", err)
	}
	info, err := file.Stat()
	if err != nil || !os.SameFile(before, info) {
		file.Close()
		return nil, 0, flow.Errorf(flow.Unavailable, "the fetched file was replaced meanwhile; read it again")
	}
	return file, info.Size(), nil
}

// mimeOf says what the beginning of a file shows. The sender's name for it does not
// count, and what a viewer might run is plain text.
func mimeOf(head []byte) string {
	kind := http.DetectContentType(head)
	if strings.HasPrefix(kind, "text/") && !strings.HasPrefix(kind, "text/plain") {
		return "text/plain; charset=utf-8"
	}
	return kind
}
