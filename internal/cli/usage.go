package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

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
