package lab

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Config is what a lab runs.
type Config struct {
	Controllers []string `json:"controllers"` // the short names of those that run
	// Flags of the components that were given besides the lab's own, each
	// FLAG=VALUE without dashes.
	APIServerArgs         []string `json:"kubeAPIServerArgs,omitempty"`
	ControllerManagerArgs []string `json:"kubeControllerManagerArgs,omitempty"`
}

// NewConfig returns the config of these controllers and flags; a flag may be
// written with its dashes.
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

// ErrDiffers means that the lab runs already, with other controllers or flags than
// asked for.
var ErrDiffers = errors.New("the lab runs already")

// Check returns an error that matches ErrDiffers, and says what differs, unless a lab
// that runs c is the one that is wanted.
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

// Controllers returns the controllers that a lab runs, by the short names that
// kube-controller-manager accepts in --controllers.
func Controllers() []string {
	return []string{"bootstrapsigner", "tokencleaner", "csrapproving", "csrsigning", "csrcleaner"}
}

// longNames are kube-controller-manager's own names for the short ones.
// They come from k8s.io/kubernetes/cmd/kube-controller-manager/names.
var longNames = map[string]string{
	"bootstrapsigner": "bootstrap-signer-controller",
	"tokencleaner":    "token-cleaner-controller",
	"csrapproving":    "certificatesigningrequest-approving-controller",
	"csrsigning":      "certificatesigningrequest-signing-controller",
	"csrcleaner":      "certificatesigningrequest-cleaner-controller",
}

// An UnknownControllerError means that a lab has no controller of that name.
type UnknownControllerError struct{ Name string }

func (e *UnknownControllerError) Error() string {
	return fmt.Sprintf("no controller %q; there are %s", e.Name, strings.Join(Controllers(), ", "))
}

// Except returns the short names of the controllers left without the named
// ones, which may be given by short or long name. It returns an
// *UnknownControllerError.
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
