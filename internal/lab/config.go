package lab

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Config describes the components of a lab.
type Config struct {
	Controllers []string `json:"controllers"` // the short names of the running controllers
	// Additional flags of the components, each FLAG=VALUE without dashes.
	APIServerArgs         []string `json:"kubeAPIServerArgs,omitempty"`
	ControllerManagerArgs []string `json:"kubeControllerManagerArgs,omitempty"`
}

// NewConfig returns the config for the controllers and flags. Flags may have their leading
// dashes.
func NewConfig(controllers, apiServerArgs, controllerManagerArgs []string) Config {
	return Config{
		Controllers:           controllers,
		APIServerArgs:         withoutDashes(apiServerArgs),
		ControllerManagerArgs: withoutDashes(controllerManagerArgs),
	}
}

func withoutDashes(args []string) []string {
	var bare []string
	for _, arg := range args {
		bare = append(bare, strings.TrimPrefix(arg, "--"))
	}
	return bare
}

// Flags returns the flags of lab up with which a lab gets this config; none for a lab with
// all controllers and without additional flags.
func (c Config) Flags() []string {
	var flags []string
	for _, name := range Controllers() {
		if !slices.Contains(c.Controllers, name) {
			flags = append(flags, "--without="+name)
		}
	}
	for _, arg := range c.APIServerArgs {
		flags = append(flags, "--kube-apiserver-arg="+arg)
	}
	for _, arg := range c.ControllerManagerArgs {
		flags = append(flags, "--kube-controller-manager-arg="+arg)
	}
	return flags
}

// ErrDiffers means that the lab is already running with other controllers or flags than
// requested.
var ErrDiffers = errors.New("the lab is already running")

// Check returns an error that matches ErrDiffers and names the differences, if c differs
// from wanted.
func (c Config) Check(wanted Config) error {
	var differences []string
	compare := func(what string, running, wanted []string) {
		if !slices.Equal(running, wanted) {
			differences = append(differences, fmt.Sprintf("with the %s %s instead of %s", what, listed(running), listed(wanted)))
		}
	}
	compare("controllers", c.Controllers, wanted.Controllers)
	compare("kube-apiserver flags", c.APIServerArgs, wanted.APIServerArgs)
	compare("kube-controller-manager flags", c.ControllerManagerArgs, wanted.ControllerManagerArgs)
	if len(differences) == 0 {
		return nil
	}
	return fmt.Errorf("%w, %s", ErrDiffers, strings.Join(differences, " and "))
}

func listed(names []string) string { return cmp.Or(strings.Join(names, ","), "(none)") }

// Controllers returns the controllers of a lab, by the short names that
// kube-controller-manager accepts in --controllers.
func Controllers() []string {
	return []string{"bootstrapsigner", "tokencleaner", "csrapproving", "csrsigning", "csrcleaner"}
}

// longNames maps the short names to kube-controller-manager's own names, from
// k8s.io/kubernetes/cmd/kube-controller-manager/names.
var longNames = map[string]string{
	"bootstrapsigner": "bootstrap-signer-controller",
	"tokencleaner":    "token-cleaner-controller",
	"csrapproving":    "certificatesigningrequest-approving-controller",
	"csrsigning":      "certificatesigningrequest-signing-controller",
	"csrcleaner":      "certificatesigningrequest-cleaner-controller",
}

// An UnknownControllerError means that a lab has no controller with that name.
type UnknownControllerError struct{ Name string }

func (e *UnknownControllerError) Error() string {
	return fmt.Sprintf("unknown controller %q; the controllers are %s", e.Name, strings.Join(Controllers(), ", "))
}

// Except returns the short names of all controllers except the named ones. Names may be
// short or long. It returns an *UnknownControllerError for any other name.
func Except(without []string) ([]string, error) {
	left := Controllers()
	for _, name := range without {
		is := func(short string) bool { return short == name || longNames[short] == name }
		if !slices.ContainsFunc(Controllers(), is) {
			return nil, &UnknownControllerError{Name: name}
		}
		left = slices.DeleteFunc(left, is)
	}
	return left, nil
}
