// Package lab finds, starts and stops bootctl-lab, the real control plane in
// one process that bootctl uses where there is no cluster.
//
// A lab is a directory that one `bootctl-lab serve` at a time owns. The server
// holds a POSIX lock on the file `lock` in it for as long as it lives, so the
// kernel itself knows whether it runs and under which pid; there is no pid file
// that could be stale. When the server is ready it writes `ready.json`. Those
// two files, `lab.json` with the port and the error line at the end of
// `serve.log` are the whole interface between the two programs, and this
// package defines it for both: bootctl-lab imports [Acquire], [Ready] and
// [Failure] from here.
//
// It imports no component of Kubernetes, so bootctl stays small. Windows has no
// bootctl-lab: there every function that needs one returns [ErrUnsupported].
package lab
