package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/failure"
)

// Group returns a command that has the given subcommands.
func Group(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short, Long: short + "."}
	cmd.AddCommand(commands...)
	return cmd
}

// Run runs the command of the tree that args name and returns its exit code.
func Run(ctx context.Context, e *Env, root *cobra.Command, args []string) int {
	root.SetArgs(args)
	root.SetIn(e.In)
	root.SetOut(e.Out)
	root.SetErr(e.ErrOut)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(err) })
	root.InitDefaultCompletionCmd(args...)
	root.InitDefaultHelpCmd()
	e.args, e.interrupt = args, ctx.Done()
	e.Global.Output = lowerFormat(wantedOutput(args)) // usage errors use it as well
	started := false
	prepare(e, root, &started)
	if isPlugin(e.Program) {
		renameCommands(e, root)
	}
	unknown := handleUnknownHelp(root)
	cmd, err := root.ExecuteContextC(ctx)
	if err = cmp.Or(err, *unknown); err == nil {
		return 0
	}
	if !started && !errors.Is(err, failure.ErrUsage) {
		err = &failure.UsageError{Err: err}
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return e.fail(err, cmd.CommandPath())
}

// FormatsAnnotation names the output formats that only this command has.
const FormatsAnnotation = "formats"

// prepare makes cobra treat the whole tree alike: a group prints its help, or returns an
// error for an unknown subcommand, and started becomes true when the body of a command
// begins, so that every error before that is a usage error.
func prepare(e *Env, cmd *cobra.Command, started *bool) {
	for _, child := range cmd.Commands() {
		prepare(e, child, started)
	}
	if cmd.HasSubCommands() {
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = unknownSubcommand
		return
	}
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if check(cmd, args) == nil {
				return nil
			}
			return fmt.Errorf("wrong number of arguments: %d; the usage is: %s", len(args), cmd.UseLine())
		}
	}
	if body := cmd.RunE; body != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
			e.Global.Output = lowerFormat(e.Global.Output)
			e.Global.RequestTimeout, err = parseRequestTimeout(*e.Connection.Timeout)
			if err = cmp.Or(e.Global.checkFormat(formatsOf(cmd)), checkFlags(cmd.Flags()), err); err != nil {
				return err
			}
			*started = true
			return body(cmd, args)
		}
	}
}

// formatsOf returns the command's own formats.
func formatsOf(cmd *cobra.Command) []string {
	return strings.Fields(cmd.Annotations[FormatsAnnotation])
}

// lowerFormat accepts the name of a format in upper case, like kubectl.
func lowerFormat(format string) string {
	if strings.Contains(format, "=") {
		return format
	}
	return strings.ToLower(format)
}

// wantedOutput returns the value of -o, even if other arguments are invalid.
func wantedOutput(args []string) string {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.SetOutput(io.Discard)
	output := flags.StringP("output", "o", "", "")
	if err := flags.Parse(args); err != nil && !errors.Is(err, pflag.ErrHelp) {
		return ""
	}
	return *output
}

// handleUnknownHelp makes help about a command that does not exist an error, which the
// result points to after the command line was run.
func handleUnknownHelp(root *cobra.Command) *error {
	unknown := new(error)
	show := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if rest := cmd.Flags().Args(); cmd.HasSubCommands() && len(rest) > 0 {
			*unknown = unknownSubcommand(cmd, rest)
			return
		}
		show(cmd, args)
	})
	help, _, _ := root.Find([]string{"help"})
	help.Run, help.RunE = nil, func(_ *cobra.Command, args []string) error {
		cmd, rest, err := root.Find(args)
		switch {
		case err != nil:
			return err
		case len(rest) == 0:
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		case cmd.HasSubCommands():
			return unknownSubcommand(cmd, rest)
		}
		return &failure.UsageError{
			Err:     fmt.Errorf("%s has no subcommands, so there is no help on %q", cmd.CommandPath(), rest[0]),
			Command: cmd.CommandPath(),
		}
	}
	return unknown
}

// unknownSubcommand prints the help of a group that is given without a subcommand, and
// returns an error if the subcommand does not exist.
func unknownSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	cmd.SuggestionsMinimumDistance = 2
	err := fmt.Errorf("%s has no subcommand %q, only %s", cmd.CommandPath(), args[0], strings.Join(subcommands(cmd), ", "))
	if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
		err = fmt.Errorf("%s has no subcommand %q; did you mean %s?", cmd.CommandPath(), args[0], strings.Join(similar, " or "))
	}
	return &failure.UsageError{Err: err, Command: cmd.CommandPath()}
}

func subcommands(cmd *cobra.Command) []string {
	var names []string
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() {
			names = append(names, child.Name())
		}
	}
	return names
}
