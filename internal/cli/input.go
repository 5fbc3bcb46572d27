package cli

import (
	"bufio"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/bootctl/bootctl/internal/certpem"
	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/failure"
)

// Limits on the size of local files.
const (
	MaxTokenFile = 1 << 10
	MaxFile      = 4 << 20 // the largest possible cluster-info, in YAML
)

// interruptible reads from a pipe or a terminal, which may never send anything: an
// interrupt ends the wait.
func interruptible(e *Env, read func() ([]byte, error)) ([]byte, error) {
	var text []byte
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		text, err = read()
	}()
	select {
	case <-done:
		return text, err
	case <-e.interrupt:
		return nil, failure.ErrInterrupted
	}
}

// Confirm asks for confirmation on the terminal, and returns an error that matches
// failure.ErrConfirmationRequired unless the answer is yes, or a *failure.ConfirmationError
// if there is no terminal. The command has the flag --yes.
func (e *Env) Confirm(question string) error {
	if !e.IsTerminal() {
		return &failure.ConfirmationError{Command: commandLine(append(slices.Clone(e.args), "--yes"))}
	}
	_, _ = fmt.Fprintf(e.ErrOut, "bootctl: %s [y/N] ", escape.Text(question))
	line, err := interruptible(e, func() ([]byte, error) { return bufio.NewReader(e.In).ReadBytes('\n') })
	answer := strings.ToLower(strings.TrimSpace(string(line)))
	switch {
	case errors.Is(err, failure.ErrInterrupted):
		return err
	case err != nil, answer != "y" && answer != "yes":
		return failure.ErrConfirmationRequired
	}
	return nil
}

// commandLine returns the command line for a POSIX shell, empty if it cannot be printed.
func commandLine(args []string) string {
	line := "bootctl"
	for _, arg := range args {
		line += " " + escape.ShellPath(arg)
	}
	if escape.Text(line) != line {
		return ""
	}
	return line
}

// ReadFile reads a file, or stdin if the name is "-", up to a limit in bytes.
func (e *Env) ReadFile(name string, limit int64) ([]byte, error) {
	return interruptible(e, func() ([]byte, error) {
		in := e.In
		if name != "-" {
			file, err := os.Open(name)
			if err != nil {
				return nil, err
			}
			defer func() { _ = file.Close() }() // only read
			in = file
		}
		text, err := io.ReadAll(io.LimitReader(in, limit+1))
		if err == nil && int64(len(text)) > limit {
			err = failure.Usagef("%s is larger than %d bytes", name, limit)
		}
		return text, err
	})
}

// ReadCAs reads a file of PEM certificates.
func (e *Env) ReadCAs(file string) ([]*x509.Certificate, error) {
	text, err := e.ReadFile(file, MaxFile)
	if err != nil {
		return nil, err
	}
	certs, err := certpem.Parse(text)
	if err != nil {
		return nil, failure.Usagef("%s: %w", file, err)
	}
	return certs, nil
}
