package lab

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
)

// tailLines is how much of the log an error quotes.
const tailLines = 20

// startError explains why the ended child was not ready, from what it logged
// past the given offset.
func (l Lab) startError(cmd *exec.Cmd, from int64) error {
	e := &StartError{Message: "it ended before it was ready: " + cmd.ProcessState.String(),
		Code: cmd.ProcessState.ExitCode()}
	lines, err := l.logLines(from)
	if err != nil {
		return err
	}
	for _, line := range lines {
		var f Failure
		if json.Unmarshal(line, &f) == nil && f.Event == "error" && f.Pid == cmd.Process.Pid {
			e.Reason, e.Message = f.Reason, f.Message
		}
	}
	if len(lines) > tailLines {
		lines = lines[len(lines)-tailLines:]
	}
	e.LogTail = strings.TrimSpace(string(bytes.Join(lines, []byte("\n"))))
	return e
}

func (l Lab) logLines(from int64) ([][]byte, error) {
	f, err := os.Open(l.LogFile())
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.NewSectionReader(f, from, logLimit))
	if err != nil {
		return nil, err
	}
	return bytes.Split(data, []byte("\n")), nil
}
