package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/failure"
)

// GlobalOptions are the flags that every command has.
type GlobalOptions struct {
	verbosity        int
	Output           string
	Quiet            bool
	allowMissingKeys bool
	// RequestTimeout is the value of --request-timeout, or its default for a command that
	// has no such flag; 0 means no limit.
	RequestTimeout time.Duration
}

// AddFlags adds the flags that every command has.
func (o *GlobalOptions) AddFlags(fs *pflag.FlagSet) {
	fs.IntVarP(&o.verbosity, "v", "v", 0, "1 prints a line for each API call")
	fs.StringVarP(&o.Output, "output", "o", "", "`format`: "+formatList(nil)+", or one that the command has")
	fs.BoolVarP(&o.Quiet, "quiet", "q", false, "print bare names only, one a line")
	fs.BoolVar(&o.allowMissingKeys, "allow-missing-template-keys", true, "with jsonpath and go-template, let what is missing be no error")
}

// AddChoice adds a flag that stands alone or takes one of the words. Alone it means the
// first of them, and so does true; false means none. The words are offered.
func AddChoice(cmd *cobra.Command, value *string, name, usage string, words ...string) {
	cmd.Flags().StringVar(value, name, "", usage)
	flag := cmd.Flags().Lookup(name)
	flag.Value, flag.NoOptDefVal = choice{flag.Value, words}, words[0]
	CompleteValues(cmd, name, words...)
}

// choice is the value of a flag that takes one of a few words.
type choice struct {
	pflag.Value
	words []string
}

func (c choice) Type() string { return strings.Join(c.words, "|") }

func (c choice) Set(text string) error {
	switch {
	case text == "true":
		text = c.words[0]
	case text == "false":
		text = ""
	case !slices.Contains(c.words, text):
		return fmt.Errorf("it is none of %s", strings.Join(c.words, ", "))
	}
	return c.Value.Set(text)
}

// VModuleUnsupported answers kubeadm's --vmodule.
const VModuleUnsupported = "there is one log, that of API calls: give -v 1"

// NoControlPlane is the answer to kubeadm's flags about control planes.
const NoControlPlane = "bootctl joins nodes, not control planes"

// RejectFlags adds flags of kubeadm that mean nothing here. Whoever gives one is told
// why.
func RejectFlags(fs *pflag.FlagSet, reasons map[string]string) {
	for name, why := range reasons {
		fs.BoolFunc(name, "a flag of kubeadm without a meaning here", func(string) error { return errors.New(why) })
		fs.Lookup(name).Hidden = true
	}
}

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

// UsageIf returns an error that matches failure.ErrUsage, with the text, where flags
// and arguments do not fit together, and else nil.
func UsageIf(misfit bool, format string, args ...any) error {
	if !misfit {
		return nil
	}
	return fmt.Errorf("%w: %s", failure.ErrUsage, fmt.Sprintf(format, args...))
}

// flagError says what a flag takes, where its value is of another type.
func flagError(err error) error {
	invalid, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
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
		return slices.Concat(formatsOf(cmd), tableFormats, kubectlFormats), cobra.ShellCompDirectiveNoFileComp
	})
}
