package failure

import (
	"errors"
	"io/fs"
	"os"

	"github.com/bootctl/bootctl/internal/durable"
)

// ErrWrite means that the result could not be written to stdout.
var ErrWrite = errors.New("cannot write the result")

// Rows of local files.
var fileRows = []row{
	{reason: "Locked", exit: ExitLocal, when: is(durable.ErrLocked),
		hint: "wait for the other bootctl that works on the same files"},
	{reason: "LocalFile", exit: ExitLocal,
		when: anyOf(is(ErrWrite, durable.ErrForeignOwner, durable.ErrNotRegular, durable.ErrOutside), as[*fs.PathError], as[*os.LinkError]),
		fill: func(err error) (hint, node string) {
			switch {
			case errors.Is(err, durable.ErrForeignOwner):
				hint = "run it as the user who owns these files, such as root, or move the file away"
			case errors.Is(err, fs.ErrPermission) && as[*fs.PathError](err):
				hint = "run it as a user with the permission; bootctl join needs root only to write to /, not with --out-dir or --rootfs"
			}
			return hint, ""
		}},
}
