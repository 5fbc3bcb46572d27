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
	fs.IntVarP(&o.verbosity, "v", "v", 0, "log level; 1 logs each request to the API server")
	fs.StringVarP(&o.Output, "output", "o", "", "output `format`: "+formatList(nil))
	fs.BoolVarP(&o.Quiet, "quiet", "q", false, "print only names, one per line")
	fs.BoolVar(&o.allowMissingKeys, "allow-missing-template-keys", true, "ignore missing fields in jsonpath and go-template output")
}

// AddChoice adds a flag with an optional value, which is one of the words. Without a value,
// or with true, it is the first word; with false it is empty.
func AddChoice(cmd *cobra.Command, value *string, name, usage string, words ...string) {
	cmd.Flags().StringVar(value, name, "", usage)
	flag := cmd.Flags().Lookup(name)
	flag.Value, flag.NoOptDefVal = choice{flag.Value, words}, words[0]
	CompleteValues(cmd, name, words...)
}

// choice is the value of a flag that accepts a few words.
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
		return errors.New("unknown value")
	}
	return c.Value.Set(text)
}

// VModuleUnsupported is the error for kubeadm's --vmodule.
const VModuleUnsupported = "bootctl has no log levels for modules; use -v 1 to log requests to the API server"

// NoControlPlane is the error for kubeadm's flags about control planes.
const NoControlPlane = "bootctl joins worker nodes; it does not join control plane nodes"

// RejectFlags adds hidden flags of kubeadm that are not supported, each with the reason.
func RejectFlags(fs *pflag.FlagSet, reasons map[string]string) {
	for name, why := range reasons {
		fs.BoolFunc(name, "not supported; accepted by kubeadm", func(string) error { return errors.New(why) })
		fs.Lookup(name).Hidden = true
	}
}

// needsAnnotation names the flag that another flag needs.
const needsAnnotation = "needs"

// Requires declares that these flags need the other one.
func Requires(fs *pflag.FlagSet, other string, flags ...string) {
	for _, name := range flags {
		if err := fs.SetAnnotation(name, needsAnnotation, []string{other}); err != nil {
			panic(err) // there is no such flag
		}
	}
}

// checkFlags refuses a flag with an empty value, which is most often an unset variable of a
// shell, and a flag without the flag that it needs.
func checkFlags(fs *pflag.FlagSet) error {
	var err error
	fs.Visit(func(flag *pflag.Flag) {
		if flag.Value.Type() == "string" && flag.Value.String() == "" && flag.Name != "description" {
			err = fmt.Errorf("--%s has an empty value", flag.Name)
		}
		for _, other := range flag.Annotations[needsAnnotation] {
			if !fs.Changed(other) {
				err = fmt.Errorf("--%s requires --%s", flag.Name, other)
			}
		}
	})
	return err
}

// UsageIf returns a *failure.UsageError if the flags and arguments cannot be combined, and
// otherwise nil.
func UsageIf(misfit bool, format string, args ...any) error {
	if !misfit {
		return nil
	}
	return failure.Usagef(format, args...)
}

// flagError describes the values that a flag accepts, or why the flag is not supported.
func flagError(err error) error {
	invalid, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return err
	}
	name, value := invalid.GetFlag().Name, invalid.GetFlag().Value
	accepts := map[string]string{
		"bool": "true or false", "int": "an integer", "duration": "a duration with a unit, such as 30s or 5m",
	}[value.Type()]
	if words, ok := value.(choice); ok {
		accepts = strings.Join(words.words, " or ")
	}
	switch {
	case accepts != "":
		return fmt.Errorf("--%s accepts %s, not %q", name, accepts, invalid.GetValue())
	case value.Type() == "boolfunc": // of RejectFlags
		return fmt.Errorf("--%s is not supported: %w", name, invalid.Unwrap())
	}
	return err
}

// CompleteWith sets the completion of a flag.
func CompleteWith(cmd *cobra.Command, flag string, offer cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, offer); err != nil {
		panic(err) // there is no such flag
	}
}

// CompleteValues completes a flag with these values; in a list, with the values that are
// not yet in it.
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

// CompleteFormats completes the output formats.
func CompleteFormats(root *cobra.Command) {
	CompleteWith(root, "output", func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return slices.Concat(formatsOf(cmd), tableFormats, kubectlFormats), cobra.ShellCompDirectiveNoFileComp
	})
}
