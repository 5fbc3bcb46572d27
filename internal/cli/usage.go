package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// needsAnnotation names the flag without which another means nothing.
const needsAnnotation = "needs"

// Requires says that these flags mean nothing without the other one.
func Requires(fs *pflag.FlagSet, other string, flags ...string) {
	for _, name := range flags {
		if err := fs.SetAnnotation(name, needsAnnotation, []string{other}); err != nil {
			panic(err) // there is no such flag
		}
	}
}

// checkFlags refuses a flag with an empty value, most often a variable of a shell
// that is not set, where it would mean the default, and one without the flag that
// it needs.
func checkFlags(fs *pflag.FlagSet) error {
	var err error
	fs.Visit(func(flag *pflag.Flag) {
		if flag.Value.Type() == "string" && flag.Value.String() == "" && flag.Name != "description" {
			err = fmt.Errorf("--%s was given with nothing in it", flag.Name)
		}
		for _, other := range flag.Annotations[needsAnnotation] {
			if !fs.Changed(other) {
				err = fmt.Errorf("--%s means nothing without --%s", flag.Name, other)
			}
		}
	})
	return err
}

// flagError says what a flag takes, where its value is of another type.
func flagError(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	takes := map[string]string{
		"bool": "true or false", "int": "a whole number", "duration": "a time with its unit, such as 30s or 5m",
	}[invalid.GetFlag().Value.Type()]
	if takes == "" {
		return err
	}
	return fmt.Errorf("--%s takes %s, not %q", invalid.GetFlag().Name, takes, invalid.GetValue())
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
		case err != nil || len(rest) == 0:
		case cmd.HasSubCommands():
			err = unknownSubcommand(cmd, rest)
		default:
			err = fmt.Errorf("%s has no subcommands, so there is no help on %q", cmd.CommandPath(), rest[0])
		}
		if err != nil {
			return err
		}
		cmd.InitDefaultHelpFlag()
		return cmd.Help()
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
