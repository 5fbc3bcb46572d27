// Package scripts runs the built bootctl as users do, on real control planes: through
// txtar scripts, one server for each set of controllers that the scripts ask for,
// through the pages and examples of the documentation, and at a terminal.
package scripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bootctl/bootctl/lab/labtest"
)

// TestScripts runs ../testdata/script/*.txtar. The first line of a script can select its
// control plane: "# lab: bare" is one without setup, "# lab: without NAME..." is one
// without the named controllers, and any other name is a separate control plane with
// setup.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "script", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	groups := map[string][]string{}
	for _, file := range files {
		groups[labOfScript(t, file)] = append(groups[labOfScript(t, file)], file)
	}
	for wanted, files := range groups {
		t.Run(strings.ReplaceAll(wanted, " ", "-"), func(t *testing.T) {
			t.Parallel()
			runScripts(t, wanted, files)
		})
	}
}

func labOfScript(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	wanted, found := strings.CutPrefix(first, "# lab: ")
	if !found {
		return "default"
	}
	return wanted
}

func runScripts(t *testing.T, wanted string, files []string) {
	t.Helper()
	var without []string
	if name, ok := strings.CutPrefix(wanted, "without "); ok {
		without = strings.Fields(name)
	}
	server, err := labtest.Start(filepath.Join(t.TempDir(), "lab"), without...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Errorf("stop the lab: %v", err)
		}
	})
	bin, err := labtest.BinDir()
	if err != nil {
		t.Fatal(err)
	}
	if wanted != "bare" {
		setUpLab(t, bin, server, wanted)
	}
	t.Run("scripts", func(t *testing.T) { // returns when the parallel scripts have ended
		testscript.Run(t, testscript.Params{
			Files:               files,
			Setup:               func(e *testscript.Env) error { return scriptEnvironment(e, bin, server) },
			Cmds:                commands(),
			Condition:           hasTool,
			RequireExplicitExec: true,
		})
	})
}

// setUpLab runs bootctl setup, like an operator.
func setUpLab(t *testing.T, bin string, server *labtest.Server, wanted string) {
	t.Helper()
	args := []string{"setup", "--kubeconfig", server.Kubeconfig, "--endpoint", server.URL()}
	if wanted == "without csrapproving" {
		args = append(args, "--auto-approve", "none")
	}
	if out, err := exec.Command(filepath.Join(bin, "bootctl"), args...).CombinedOutput(); err != nil {
		t.Fatalf("bootctl setup: %v\n%s", err, out)
	}
}

func scriptEnvironment(e *testscript.Env, bin string, server *labtest.Server) error {
	home := filepath.Join(e.WorkDir, "home")
	e.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	e.Setenv("HOME", home)
	e.Setenv("XDG_STATE_HOME", filepath.Join(home, "state"))
	e.Setenv("KUBECONFIG", server.Kubeconfig)
	e.Setenv("SERVER", server.URL())
	e.Setenv("CA", server.CAFile)
	e.Setenv("LAB", server.Dir)
	e.Setenv("BIN", bin)
	e.Setenv("ROOT", filepath.Dir(bin))
	return os.MkdirAll(home, 0o700)
}
