package lab

import (
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

// same says whether a lab of one config is one of the other.
func (c Config) same(other Config) bool {
	return slices.Equal(c.Controllers, other.Controllers) &&
		slices.Equal(c.APIServerArgs, other.APIServerArgs) &&
		slices.Equal(c.ControllerManagerArgs, other.ControllerManagerArgs)
}
