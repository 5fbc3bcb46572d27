package lab

import (
	"context"
	"errors"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/util/wait"
)

// logLimit is the size in bytes above which a new server truncates the log.
const logLimit = 5 << 20

// openLog opens the log for appending and returns the offset at which the new part starts.
func (l Lab) openLog() (log *os.File, from int64, err error) {
	log, err = os.OpenFile(l.LogFile(), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, err
	}
	from, err = log.Seek(0, io.SeekEnd)
	if from > logLimit {
		from, err = 0, log.Truncate(0)
	}
	if err != nil {
		return nil, 0, errors.Join(err, log.Close())
	}
	return log, from, nil
}

// Follow copies the log to w, including new messages, until ctx is done, which is not an
// error.
func Follow(ctx context.Context, w io.Writer, log *os.File) error {
	err := wait.PollUntilContextCancel(ctx, 4*pollInterval, true, func(context.Context) (bool, error) {
		info, err := log.Stat()
		if err != nil {
			return false, err
		}
		at, err := log.Seek(0, io.SeekCurrent)
		if err == nil && info.Size() < at { // a new server truncated the log
			_, err = log.Seek(0, io.SeekStart)
		}
		if err == nil {
			_, err = io.Copy(w, log)
		}
		return false, err
	})
	if wait.Interrupted(err) {
		return nil
	}
	return err
}
