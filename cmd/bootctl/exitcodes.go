package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
)

// newExitCodes returns the help topic that lists the exit codes and reason codes. Its text
// is built only when it is printed.
func newExitCodes(e *cli.Env) *cobra.Command {
	cmd := &cobra.Command{Use: "exit-codes", Short: "Exit codes and reason codes"}
	cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		_, _ = fmt.Fprint(cmd.OutOrStdout(), e.WithProgramName(exitCodesText())) // like cobra's help, which ignores the error
	})
	return cmd
}

func exitCodesText() string {
	failures := failure.All()
	var out strings.Builder
	out.WriteString("Every failure has an exit code, and a reason code that does not change.\n")
	out.WriteString("(retry) means that the same command can succeed later; for any other failure,\nsomeone must first change something.\n")
	for _, exit := range failure.ExitCodes {
		fmt.Fprintf(&out, "\n%3d  %s\n", exit.Code, cli.Hang(exit.Meaning, 5))
		for _, f := range failures {
			if f.Exit == exit.Code {
				reason := f.Reason
				if f.Retry {
					reason += " (retry)"
				}
				fmt.Fprintf(&out, "     %s\n", cli.Hang(strings.TrimSuffix(reason+": "+f.Hint, ": "), 5))
			}
		}
	}
	return out.String() + "\n"
}
