package cli

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/failure"
)

// Confirm asks the person at the terminal, and returns an error that matches
// failure.ErrConfirmationRequired unless the answer is yes. Without a terminal it is no.
func (e *Env) Confirm(question string) error {
	if !e.IsTerminal() {
		return fmt.Errorf("%w: there is no terminal to ask at; give --yes", failure.ErrConfirmationRequired)
	}
	_, _ = fmt.Fprintf(e.ErrOut, "bootctl: %s [y/N] ", escape.Text(question))
	answer, err := interruptible(e, func() (string, error) { return bufio.NewReader(e.In).ReadString('\n') })
	if errors.Is(err, failure.ErrInterrupted) {
		return err
	}
	if err == nil && (strings.EqualFold(strings.TrimSpace(answer), "y") || strings.EqualFold(strings.TrimSpace(answer), "yes")) {
		return nil
	}
	return failure.ErrConfirmationRequired
}
