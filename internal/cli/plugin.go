package cli

import (
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// pluginFile is the file name of bootctl as a kubectl plugin, and plugin the command that
// users type. It avoids the name clash with systemd's bootctl.
const (
	pluginFile = "kubectl-bootstrap"
	plugin     = "kubectl bootstrap"
)

// isPlugin reports whether the program was started as the kubectl plugin.
func isPlugin(program string) bool {
	return strings.TrimSuffix(filepath.Base(program), ".exe") == pluginFile
}

// namedCommand matches a command of bootctl in a text.
var namedCommand = regexp.MustCompile(`\bbootctl ((?:token|cluster-info|csr|join|setup|doctor|lab|help|completion|options|version)\b)`)

// WithProgramName replaces commands in a text with the form that the user types.
func (e *Env) WithProgramName(text string) string {
	if !isPlugin(e.Program) {
		return text
	}
	return namedCommand.ReplaceAllString(text, plugin+" $1")
}

// renameCommands replaces the commands in the help of the tree with the plugin's form.
func renameCommands(e *Env, cmd *cobra.Command) {
	for _, child := range cmd.Commands() {
		renameCommands(e, child)
	}
	cmd.Long, cmd.Example = e.WithProgramName(cmd.Long), e.WithProgramName(cmd.Example)
	if !cmd.HasParent() {
		cmd.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: plugin}
	}
}
