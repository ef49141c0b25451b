package flow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// FetchFile is [Fetch] for those who read the file: it opens what has come, and refuses
// with [Invalid] a file of more than most bytes, of which it leaves nothing on this
// device. Total of the transfer is how many bytes the opened file has.
//
// What a backend says is a file may be something else: it has to be a regular file, so
// that no pipe or device makes anybody wait.
func FetchFile(ctx context.Context, c Caller, file StartAttachmentDownloadInput, most int64, progress func(Transfer)) (Transfer, *os.File, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	before, unknown := StoredAttachmentPath.Call(ctx, c, StoredAttachmentPathInput{OrgID: file.OrgID, AttachmentID: file.AttachmentID})
	var refusal error
	var got Transfer
	done, err := Fetch(ctx, c, file, func(t Transfer) {
		switch {
		case refusal == nil && t.Total > most:
			got.Total, refusal = t.Total, tooLarge(t.Total, most)
			stopDownload(ctx, c, file.AttachmentID, stopTime)
			time.AfterFunc(stopTime, cancel)
		case refusal == nil && progress != nil:
			progress(t)
		}
	})
	if err != nil {
		if refusal != nil {
			err = refusal
		}
		return got, nil, err
	}
	got = done
	opened, size, err := openRegular(got.Path)
	if err != nil {
		return got, nil, err
	}
	got.Total = size
	if size > most {
		opened.Close()
		if unknown == nil && before != got.Path { // it came for this call alone
			_ = os.Remove(got.Path)
		}
		return got, nil, tooLarge(size, most)
	}
	if got.Filename == "" { // a backend that keeps no log has not said
		got.Filename = filepath.Base(got.Path)
	}
	return got, opened, nil
}

// stopTime is how long a backend may take to stop a download, and then to say that it has.
// On a disk that others keep busy that may be seconds.
const stopTime = 5 * time.Second

func tooLarge(size, most int64) error {
	return Errorf(Invalid, "the file has %d bytes, and at most %d are fetched here", size, most)
}

// openRegular opens what a backend says is a file: no link, device or pipe. Errors are
// without the path, whose end others have chosen.
func openRegular(path string) (file *os.File, size int64, err error) {
	before, err := os.Lstat(path)
	if err != nil {
		return nil, 0, fmt.Errorf("find the fetched file: %w", withoutPath(err))
	}
	if !before.Mode().IsRegular() {
		return nil, 0, Errorf(Internal, "what the backend has fetched is no regular file")
	}
	if file, err = os.Open(path); err != nil {
		return nil, 0, fmt.Errorf("open the fetched file: %w", withoutPath(err))
	}
	info, err := file.Stat()
	if err != nil || !os.SameFile(before, info) {
		file.Close()
		return nil, 0, Errorf(Unavailable, "the fetched file was replaced meanwhile; read it again")
	}
	return file, info.Size(), nil
}

func withoutPath(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

// MediaHead is how many bytes of a file [MediaType] looks at.
const MediaHead = 4096

// sureTypes are those whose beginnings no text has by chance: what hosts show a model,
// and the one kind of document that may be made of letters alone.
var sureTypes = []string{"image/png", "image/jpeg", "image/gif", "image/webp", "audio/mpeg", "audio/wave", "application/pdf"}

// MediaType finds out what a file is by its beginning, whatever its name says: what is
// called an image and is none would be refused by hosts together with all that stands
// beside it. What a viewer might run is plain text.
func MediaType(head []byte) string {
	sniffed, _, err := mime.ParseMediaType(http.DetectContentType(head))
	switch {
	case err == nil && slices.Contains(sureTypes, sniffed):
		return strings.Replace(sniffed, "audio/wave", "audio/wav", 1)
	case utf8.Valid(WholeRunes(head)) && !slices.Contains(head, 0):
		return "text/plain"
	case err == nil && !strings.HasPrefix(sniffed, "text/"):
		return sniffed
	}
	return "application/octet-stream"
}

// WholeRunes leaves out the beginning of a character at the end of data.
func WholeRunes(data []byte) []byte {
	for cut := 1; cut < utf8.UTFMax && cut <= len(data); cut++ {
		if tail := data[len(data)-cut:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) && len(data) > cut {
				return data[:len(data)-cut]
			}
			break
		}
	}
	return data
}
