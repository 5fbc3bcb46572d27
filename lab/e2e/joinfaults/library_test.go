package joinfaults

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/lab/labtest"
	"github.com/bootctl/bootctl/pkg/join"
)

// A program of 30 lines in another module joins a node with pkg/join.
func TestLibrary_JoinsANode(t *testing.T) {
	const consumer = "../../../pkg/testdata/consumer"
	if lines := strings.Count(string(labtest.ReadFile(t, filepath.Join(consumer, "join", "main.go"))), "\n"); lines > 30 {
		t.Errorf("the program has %d lines", lines)
	}
	j, dir := newJoiner(t), t.TempDir()
	for to, from := range map[string]string{"go.mod": filepath.Join(consumer, "go.mod"), "go.sum": "../../../go.sum"} {
		if err := os.WriteFile(filepath.Join(dir, to), labtest.ReadFile(t, from), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(dir, "join-node")
	build := exec.CommandContext(t.Context(), "go", "build", "-mod=mod", "-modfile="+filepath.Join(dir, "go.mod"), "-o", binary, "./join")
	build.Dir, build.Env = consumer, append(os.Environ(), "GOPROXY=off", "GOSUMDB=off", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	layout := join.OutDir(filepath.Join(dir, "node"))
	pin := strings.TrimSpace(j.MustRun(t, "cluster-info", "pin"))
	code, _, stderr := labtest.RunCommand(t, exec.CommandContext(t.Context(), binary, j.Server.URL(), strings.TrimSpace(string(labtest.ReadFile(t, j.token))), pin, filepath.Join(dir, "node")))
	if code != 0 || !strings.Contains(stderr, "system:node:library-1") {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	for _, wrong := range j.incompleteFiles(layout) {
		t.Error(wrong)
	}
	code, who, stderr := j.Exec(t, "kubectl", "auth", "whoami", "--kubeconfig", layout.Kubeconfig(), "-o", "jsonpath={.status.userInfo.username}")
	if code != 0 || who != "system:node:library-1" {
		t.Errorf("exit code %d, the node authenticates as %q\n%s", code, who, stderr)
	}
	if n := csrsByNode(t, j.Admin)["library-1"]; n != 1 {
		t.Errorf("%d CSRs, want one", n)
	}
}
