package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagGroup is the annotation that names the group of a flag in the help, connectionGroup
// the group of the administrator's connection, and otherFlags the group of all others.
const (
	flagGroup       = "group"
	connectionGroup = "Connection Flags"
	otherFlags      = "Flags"
)

// GroupFlags shows flags of a command under a title of their own in its help.
func GroupFlags(fs *pflag.FlagSet, title string, flags ...string) {
	for _, name := range flags {
		if err := fs.SetAnnotation(name, flagGroup, []string{title}); err != nil {
			panic(err) // there is no such flag
		}
	}
}

// SetHelp gives every command of the tree the help of bootctl: the flags in groups, in
// lines of 80 columns, and the global flags in bootctl options only.
func SetHelp(root *cobra.Command) {
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		_, err := fmt.Fprint(cmd.OutOrStdout(), usageText(cmd))
		return err
	})
	root.AddCommand(&cobra.Command{
		Use:     "options",
		Short:   "List the flags that every command has",
		Long:    "List the flags that every command has.",
		Example: "  # List the flags that every command has.\n  bootctl options",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "These flags can be passed to any command:\n\n%s", flagText(root.PersistentFlags()))
			return err
		},
	})
}

func usageText(cmd *cobra.Command) string {
	var out strings.Builder
	line := cmd.UseLine()
	if cmd.HasSubCommands() {
		line = cmd.CommandPath() + " COMMAND"
	}
	fmt.Fprintf(&out, "Usage:\n  %s\n", line)
	if cmd.HasExample() {
		fmt.Fprintf(&out, "\nExamples:\n%s\n", cmd.Example)
	}
	writeCommands(&out, cmd)
	groups := groupFlags(cmd.LocalNonPersistentFlags())
	for _, title := range slices.SortedFunc(maps.Keys(groups), compareTitles) {
		fmt.Fprintf(&out, "\n%s:\n%s", title, flagText(groups[title]))
	}
	program := cmd.Root().CommandPath()
	out.WriteString("\n")
	if cmd.HasSubCommands() {
		fmt.Fprintf(&out, "Use \"%s COMMAND --help\" for more information about a command.\n", cmd.CommandPath())
	}
	fmt.Fprintf(&out, "Use \"%s options\" for the flags that every command has", program)
	if !cmd.HasParent() {
		fmt.Fprintf(&out, ", and\n\"%s help exit-codes\" for the exit codes and reason codes", program)
	}
	return out.String() + ".\n"
}

// writeCommands lists the subcommands, in their groups if they have any.
func writeCommands(out *strings.Builder, cmd *cobra.Command) {
	width := 0
	for _, child := range cmd.Commands() {
		width = max(width, len(child.Name()))
	}
	groups := cmd.Groups()
	if len(groups) == 0 && cmd.HasAvailableSubCommands() {
		groups = []*cobra.Group{{Title: "Commands:"}}
	}
	for _, group := range groups {
		fmt.Fprintf(out, "\n%s\n", group.Title)
		for _, child := range cmd.Commands() {
			if child.GroupID == group.ID && child.IsAvailableCommand() {
				fmt.Fprintf(out, "  %-*s  %s\n", width, child.Name(), child.Short)
			}
		}
	}
}

// groupFlags returns the flags of a command by the title of their group.
func groupFlags(fs *pflag.FlagSet) map[string]*pflag.FlagSet {
	groups := map[string]*pflag.FlagSet{}
	fs.VisitAll(func(flag *pflag.Flag) {
		title := otherFlags
		if set := flag.Annotations[flagGroup]; len(set) > 0 {
			title = set[0]
		}
		if groups[title] == nil {
			groups[title] = pflag.NewFlagSet("", pflag.ContinueOnError)
		}
		groups[title].AddFlag(flag)
	})
	return groups
}

// compareTitles orders groups of flags by title, with the flags without a group and those of
// the connection last.
func compareTitles(a, b string) int {
	last := []string{otherFlags, connectionGroup}
	return cmp.Or(slices.Index(last, a)-slices.Index(last, b), strings.Compare(a, b))
}

func flagText(fs *pflag.FlagSet) string {
	if !fs.HasAvailableFlags() {
		return ""
	}
	return strings.TrimRight(fs.FlagUsagesWrapped(pageColumns), " ")
}
