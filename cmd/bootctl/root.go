package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/failure"
)

// globalOptions are the flags that every command has.
type globalOptions struct {
	verbosity        int
	output           string
	quiet            bool
	allowMissingKeys bool
	// requestTimeout is that of the commands with the administrator's connection, and
	// for the others the same as theirs by default.
	requestTimeout time.Duration
}

func (o *globalOptions) addFlags(fs *pflag.FlagSet) {
	fs.IntVarP(&o.verbosity, "v", "v", 0, "1 prints a line for each API call")
	fs.StringVarP(&o.output, "output", "o", "", "`format`: "+strings.ReplaceAll(strings.Join(slices.Concat(tableFormats, kubectlFormats), ", "), "=", "=...")+", or one that the command has")
	fs.BoolVarP(&o.quiet, "quiet", "q", false, "print bare names only, one a line")
	fs.BoolVar(&o.allowMissingKeys, "allow-missing-template-keys", true, "with jsonpath and go-template, let what is missing be no error")
}

// newRoot returns the whole command tree.
func newRoot(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:   "bootctl",
		Short: "Kubernetes TLS bootstrap, from a bare machine to a signed node identity",
		Long: `bootctl does the whole of Kubernetes TLS bootstrap: bootstrap tokens, the signed
cluster-info, certificate signing requests, and join, which strings them together.

Exit codes tell what went wrong; docs/exit-codes.md lists them.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	e.connection = newConnection()
	e.global.addFlags(root.PersistentFlags())
	completeFormats(root)
	showConnectionApart(root)
	root.AddCommand(
		newToken(e),
		newClusterInfo(e),
		newCSR(e),
		newJoin(e),
		newSetup(e),
		newDoctor(e),
		newLab(e),
		newVersion(e),
	)
	return root
}

func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: name, Short: short}
	cmd.AddCommand(commands...)
	return cmd
}

// run runs the command that args name and returns its exit code.
func run(ctx context.Context, e *env, args []string) int {
	return runRoot(ctx, e, newRoot(e), args)
}

// runRoot runs the command of the tree that args name and returns its exit code.
func runRoot(ctx context.Context, e *env, root *cobra.Command, args []string) int {
	root.SetArgs(args)
	root.SetIn(e.In)
	root.SetOut(e.Out)
	root.SetErr(e.ErrOut)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(err) })
	root.InitDefaultCompletionCmd(args...)
	root.InitDefaultHelpCmd()
	e.interrupt = ctx.Done()
	e.global.output = lowerFormat(wantedOutput(args)) // known to usage errors, too
	started := false
	e.prepare(root, &started)
	e.speak(root)
	unknown := helpOfUnknown(root)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		err = *unknown
	}
	if err == nil {
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

// formatsAnnotation names the output formats that only this command has.
const formatsAnnotation = "formats"

// prepare makes cobra treat the whole tree alike: a group without a known
// subcommand is an error, and started becomes true when the body of a command
// begins, so that every error before that is one of usage.
func (e *env) prepare(cmd *cobra.Command, started *bool) {
	for _, child := range cmd.Commands() {
		e.prepare(child, started)
	}
	if cmd.HasSubCommands() {
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = unknownSubcommand
		return
	}
	if body := cmd.RunE; body != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			e.global.output = lowerFormat(e.global.output)
			if err := e.global.checkFormat(strings.Fields(cmd.Annotations[formatsAnnotation])); err != nil {
				return err
			}
			if e.global.quiet && e.global.output != "" {
				return fmt.Errorf("--quiet prints bare names only, so it does not go with -o %s", e.global.output)
			}
			if err := checkFlags(cmd.Flags()); err != nil {
				return err
			}
			var err error
			if e.global.requestTimeout, err = parseRequestTimeout(*e.connection.Timeout); err != nil {
				return err
			}
			*started = true
			return body(cmd, args)
		}
	}
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
