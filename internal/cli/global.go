package cli

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
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
	fs.StringVarP(&o.Output, "output", "o", "", "`format`: "+strings.ReplaceAll(strings.Join(slices.Concat(tableFormats, kubectlFormats), ", "), "=", "=...")+", or one that the command has")
	fs.BoolVarP(&o.Quiet, "quiet", "q", false, "print bare names only, one a line")
	fs.BoolVar(&o.allowMissingKeys, "allow-missing-template-keys", true, "with jsonpath and go-template, let what is missing be no error")
}
