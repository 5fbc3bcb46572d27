package controlplane

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/component-base/cli/flag"
)

// A FlagError means that a component does not accept its flags.
type FlagError struct {
	Component string // such as kube-apiserver
	Err       error
}

func (e *FlagError) Error() string { return fmt.Sprintf("flags of %s: %v", e.Component, e.Err) }

func (e *FlagError) Unwrap() error { return e.Err }

// parseFlags sets the lab's flags of a component and then the given ones, each
// FLAG=VALUE, which take precedence.
func parseFlags(component string, sets flag.NamedFlagSets, own, args []string) error {
	fs := pflag.NewFlagSet(component, pflag.ContinueOnError)
	fs.Usage = func() {} // the error is sufficient
	for _, set := range sets.FlagSets {
		fs.AddFlagSet(set)
	}
	for _, arg := range args {
		if name, _, found := strings.Cut(arg, "="); !found || name == "" {
			return &FlagError{component, fmt.Errorf("%q is not FLAG=VALUE", arg)}
		}
		own = append(own, "--"+arg)
	}
	if err := fs.Parse(own); err != nil {
		return &FlagError{component, err}
	}
	return nil
}
