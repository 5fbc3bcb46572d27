// Package lab finds, starts and stops bootctl-lab, a real control plane in one
// process for machines without a cluster.
//
// A lab is a directory that one `bootctl-lab serve` at a time owns. The server
// holds a POSIX lock on the file `lock` while it runs, so the kernel knows
// whether it is running and its PID, and no PID file can be stale. When the
// server is ready, it writes `ready.json`. These two files, `lab.json` with the
// port, and the error on the last line of `serve.log` are the complete interface
// between the two programs. This package defines it for both: bootctl-lab
// imports [Acquire], [Ready] and [Failure].
//
// The package imports no component of Kubernetes, so bootctl stays small.
// bootctl-lab does not run on Windows, where every function that needs it
// returns [ErrUnsupported].
package lab
