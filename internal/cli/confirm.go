package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/safe"
)

// errDryRun means that a change was not made, since none is to be.
var errDryRun = errors.New("nothing is changed in a dry run")

// confirm asks the person at the terminal, and returns an error that matches
// failure.ErrConfirmationRequired unless the answer is yes. Without a terminal it is no.
func (e *env) confirm(question string) error {
	if !e.isTerminal() {
		return fmt.Errorf("%w: there is no terminal to ask at; give --yes", failure.ErrConfirmationRequired)
	}
	_, _ = fmt.Fprintf(e.ErrOut, "bootctl: %s [y/N] ", safe.Text(question))
	answer, err := unlessInterrupted(e, func() (string, error) { return bufio.NewReader(e.In).ReadString('\n') })
	if errors.Is(err, failure.ErrInterrupted) {
		return err
	}
	if err == nil && (strings.EqualFold(strings.TrimSpace(answer), "y") || strings.EqualFold(strings.TrimSpace(answer), "yes")) {
		return nil
	}
	return failure.ErrConfirmationRequired
}
