package cli

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// CompletionTimeout is how long someone who pressed the tab key is kept waiting.
const CompletionTimeout = 3 * time.Second

// CompleteWith sets what is offered for a flag.
func CompleteWith(cmd *cobra.Command, flag string, offer cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, offer); err != nil {
		panic(err) // there is no such flag
	}
}

// CompleteValues offers these values of a flag, and after a comma, where it takes a list,
// those that are not yet in it.
func CompleteValues(cmd *cobra.Command, flag string, values ...string) {
	isList := strings.HasSuffix(cmd.Flag(flag).Value.Type(), "Slice")
	CompleteWith(cmd, flag, func(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var before string
		if comma := strings.LastIndex(begun, ","); isList && comma >= 0 {
			before = begun[:comma+1]
		}
		var found []cobra.Completion
		for _, value := range values {
			if !slices.Contains(strings.Split(before, ","), value) {
				found = append(found, before+value)
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	})
}

// CompleteFormats offers the output formats.
func CompleteFormats(root *cobra.Command) {
	CompleteWith(root, "output", func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		own := strings.Fields(cmd.Annotations[FormatsAnnotation])
		return slices.Concat(own, tableFormats, kubectlFormats), cobra.ShellCompDirectiveNoFileComp
	})
}
