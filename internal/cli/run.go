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
	cmd := &cobra.Command{Use: name, Short: short}
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
	e.interrupt = ctx.Done()
	e.Global.Output = lowerFormat(wantedOutput(args)) // known to usage errors, too
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
	if !started {
		err = &failure.UsageError{Err: err, Command: cmd.CommandPath()}
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return e.fail(err)
}

// FormatsAnnotation names the output formats that only this command has.
const FormatsAnnotation = "formats"

// prepare makes cobra treat the whole tree alike: a group without a known
// subcommand is an error, and started becomes true when the body of a command
// begins, so that every error before that is one of usage.
func prepare(e *Env, cmd *cobra.Command, started *bool) {
	for _, child := range cmd.Commands() {
		prepare(e, child, started)
	}
	if cmd.HasSubCommands() {
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = unknownSubcommand
		return
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

// lowerFormat lets the name of a format be written in capitals, as kubectl does.
func lowerFormat(format string) string {
	if strings.Contains(format, "=") {
		return format
	}
	return strings.ToLower(format)
}

// wantedOutput reads -o from args that may not parse.
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

// handleUnknownHelp makes help about a command that does not exist an error, which
// stands in what it returns once the command line was run.
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
		return fmt.Errorf("%s has no subcommands, so there is no help on %q", cmd.CommandPath(), rest[0])
	}
	return unknown
}

func unknownSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s needs a subcommand: %s", cmd.CommandPath(), strings.Join(subcommands(cmd), ", "))
	}
	cmd.SuggestionsMinimumDistance = 2
	if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
		return fmt.Errorf("%s has no subcommand %q; did you mean %s?", cmd.CommandPath(), args[0], strings.Join(similar, " or "))
	}
	return fmt.Errorf("%s has no subcommand %q, only %s", cmd.CommandPath(), args[0], strings.Join(subcommands(cmd), ", "))
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
