package stdio

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// longLineError says that a line was longer than allowed and was skipped; the
// next one can be read.
type longLineError struct {
	head []byte // its beginning
}

func (*longLineError) Error() string { return "line too long" }

// headBytes is how much of a line that is too long is kept, to find its id.
const headBytes = 4 << 10

// lineReader reads lines of bounded length.
type lineReader struct {
	r   *bufio.Reader
	max int
}

func newLineReader(r io.Reader, limit int) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, 16<<10), max: limit}
}

// next returns the next line that is not blank, without surrounding white
// space, in memory of its own. The last line need not end with a newline.
func (l *lineReader) next() ([]byte, error) {
	var line []byte
	for {
		part, err := l.r.ReadSlice('\n')
		if len(line)+len(bytes.TrimSuffix(part, []byte("\n"))) > l.max {
			return nil, l.skip(err, append(line, part...))
		}
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == nil || errors.Is(err, io.EOF):
			if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 {
				return trimmed, nil
			}
			line = line[:0]
		}
		if err != nil {
			return nil, err
		}
	}
}

// skip reads to the end of a line of which it keeps the beginning alone. err is what the
// read of its last part returned. An error of the reader comes again with the next read.
func (l *lineReader) skip(err error, line []byte) error {
	head := bytes.Clone(line[:min(len(line), headBytes)])
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = l.r.ReadSlice('\n')
	}
	return &longLineError{head}
}
