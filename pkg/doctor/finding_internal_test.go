package doctor

import (
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/testhint"
)

// Every shared fix has a complete command, unless it is a flag of a component, which is set
// wherever the component is started.
func TestFixes_HaveCommands(t *testing.T) {
	for reason, fix := range fixes {
		isFlag := strings.HasPrefix(fix, "start the API server with ") || strings.HasPrefix(fix, "start kube-controller-manager with ")
		if !testhint.HasCommand(fix) && !isFlag && reason != RefusedByServer { // only the API server's message states what is wrong
			t.Errorf("%s: the fix %q has no command", reason, fix)
		}
	}
}
