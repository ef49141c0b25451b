package resources

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Limits of files as resources.
const (
	maxPart   = 4 << 20 // bytes of one answer; in base64 less than the 10 MB that clients take
	fetchTime = 2 * time.Minute
)

// MaxFile is the largest file that is read as a resource, in bytes.
const MaxFile = 64 << 20

// readFile answers with a file, or with the part of it that begins at an offset.
func (r *Resources) readFile(ctx context.Context, uri string, a address) ([]mcp.ResourceContents, error) {
	size, file, err := r.fetch(ctx, flow.AttachmentID(a.ref))
	if err != nil {
		return nil, refuse(uri, err)
	}
	defer file.Close()
	part, err := readPart(file, size, a.offset)
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
func (r *Resources) fetch(ctx context.Context, id flow.AttachmentID) (size int64, file *os.File, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	got, file, err := flow.FetchFile(ctx, r.client, flow.StartAttachmentDownloadInput{AttachmentID: id}, r.maxFile, nil)
	return got.Total, file, err
}

// part is a part of a file, perhaps all of it.
type part struct {
	bytes        []byte
	offset, size int64
	mime         string // of the whole file
}

// readPart reads a file from offset on. Without one it reads the whole file, and refuses
// one that is longer than an answer: half a picture is none.
func readPart(file *os.File, size int64, offset *int64) (part, error) {
	p := part{size: size}
	switch {
	case offset == nil && size > maxPart:
		return p, flow.Errorf(flow.Invalid, "the file has %d bytes, and one answer holds %d; read it in parts: ?offset=0 and on", size, maxPart)
	case offset != nil:
		p.offset = min(*offset, size)
	}
	head := make([]byte, flow.MediaHead)
	n, err := file.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return p, fmt.Errorf("read the file: %w", err)
	}
	p.mime = flow.MediaType(head[:n])
	p.bytes, err = io.ReadAll(io.NewSectionReader(file, p.offset, min(maxPart, size-p.offset)))
	if err != nil {
		return p, fmt.Errorf("read the file: %w", err)
	}
	return p, nil
}
