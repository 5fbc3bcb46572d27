package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
)

// newExitCodes returns the help topic that lists the exit codes and reason codes.
func newExitCodes() *cobra.Command {
	var out strings.Builder
	out.WriteString("Every failure has an exit code, and a reason code that does not change.\n")
	for _, exit := range failure.ExitCodes {
		fmt.Fprintf(&out, "\n%3d  %s\n", exit.Code, hang(exit.Meaning))
		for _, f := range failure.All() {
			if f.Exit == exit.Code {
				fmt.Fprintf(&out, "     %s\n", hang(strings.TrimSuffix(f.Reason+": "+f.Hint, ": ")))
			}
		}
	}
	return &cobra.Command{Use: "exit-codes", Short: "Exit codes and reason codes", Long: out.String()}
}

// hang wraps text that is printed after an indentation of five columns.
func hang(text string) string { return strings.Join(cli.Wrap(text, 75), "\n     ") }
