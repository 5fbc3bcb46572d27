package cli

import (
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// pluginFile is the name by which kubectl finds bootctl as its plugin, and plugin
// what is typed then. systemd has another bootctl, so a machine may have this one
// under that name alone.
const (
	pluginFile = "kubectl-bootstrap"
	plugin     = "kubectl bootstrap"
)

// isPlugin says whether the program was started under the plugin's name.
func isPlugin(program string) bool {
	return strings.TrimSuffix(filepath.Base(program), ".exe") == pluginFile
}

// namedCommand is a command of bootctl, as texts name it.
var namedCommand = regexp.MustCompile(`\bbootctl ((?:token|cluster-info|csr|join|setup|doctor|lab|help|completion|version)\b)`)

// WithProgramName names the commands in our own text as the user types them.
func (e *Env) WithProgramName(text string) string {
	if !isPlugin(e.Program) {
		return text
	}
	return namedCommand.ReplaceAllString(text, plugin+" $1")
}

// renameCommands names the commands in the help of the whole tree as the plugin's user
// types them.
func renameCommands(e *Env, cmd *cobra.Command) {
	for _, child := range cmd.Commands() {
		renameCommands(e, child)
	}
	cmd.Long, cmd.Example = e.WithProgramName(cmd.Long), e.WithProgramName(cmd.Example)
	if !cmd.HasParent() {
		cmd.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: plugin}
	}
}
