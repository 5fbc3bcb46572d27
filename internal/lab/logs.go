package lab

import (
	"context"
	"io"
	"os"
	"time"
)

// logLimit is the size in bytes past which the log starts anew with the server.
const logLimit = 5 << 20

// Logs opens the log of the servers that Up started. The error is
// fs.ErrNotExist when there was none.
func (l Lab) Logs() (io.ReadCloser, error) {
	return os.Open(l.LogFile())
}

// Follow copies the log to w, and then what is added to it, until ctx ends,
// which is no error.
func (l Lab) Follow(ctx context.Context, w io.Writer) error {
	f, err := os.Open(l.LogFile())
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	tick := time.NewTicker(4 * pollInterval)
	defer tick.Stop()
	var at int64
	for {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if info.Size() < at {
			at = 0 // a new server started the log anew
		}
		n, err := io.Copy(w, io.NewSectionReader(f, at, info.Size()-at))
		if err != nil {
			return err
		}
		at += n
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
