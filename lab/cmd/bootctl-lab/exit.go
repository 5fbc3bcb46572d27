package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/lab/controlplane"
)

// report writes the error, if any, as the last line on stderr and returns the exit
// code, which is one of bootctl's.
func report(errOut io.Writer, err error) int {
	if err == nil {
		return 0
	}
	reason, code := classify(err)
	line, marshalErr := json.Marshal(lab.Failure{
		Event:   "error",
		Pid:     os.Getpid(),
		Reason:  reason,
		Message: strings.ReplaceAll(err.Error(), "\n", "; "),
	})
	if marshalErr != nil {
		return code
	}
	fmt.Fprintf(errOut, "%s\n", line) //nolint:errcheck // it cannot be reported anywhere
	return code
}

func classify(err error) (reason string, code int) {
	var (
		unknown *lab.UnknownControllerError
		flag    *controlplane.FlagError
		running *lab.RunningError
		port    *controlplane.PortError
		path    *fs.PathError
		link    *os.LinkError
	)
	switch {
	case errors.As(err, &unknown):
		return "UnknownController", 2
	case errors.As(err, &flag):
		return "InvalidComponentFlag", 2
	case errors.Is(err, errUsage):
		return "Usage", 2
	case errors.As(err, &running):
		return lab.ReasonRunning, 9
	case errors.As(err, &port):
		return "PortTaken", 9
	case errors.Is(err, lab.ErrNotALab):
		return "NotALab", 9
	case errors.As(err, &path), errors.As(err, &link), errors.Is(err, syscall.ENOSPC):
		return "LocalFile", 10
	}
	return "LabFailed", 1
}
