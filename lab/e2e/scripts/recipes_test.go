package scripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/lab/labtest"
)

// recipes are the scripts of docs/scripting.md.
type recipes struct {
	labtest.Admin
	*reader
	page *page
}

// deadEndpoint is the variable with an address on which no server listens.
const deadEndpoint = "ENDPOINT=https://127.0.0.1:1"

// command returns a command that runs the i-th script below a heading with the variables.
func (r *recipes) command(t *testing.T, heading string, i int, vars ...string) *exec.Cmd {
	t.Helper()
	var scripts []*block
	for _, b := range r.page.blocks {
		if b.heading == heading {
			scripts = append(scripts, b)
		}
	}
	if len(scripts) <= i {
		t.Fatalf("%q has %d scripts", heading, len(scripts))
	}
	scripts[i].ran = true
	text, variables := scripts[i].text, *r.reader
	if slices.Contains(vars, deadEndpoint) { // waiting would not help
		text = strings.ReplaceAll(text, "--timeout 1m", "--timeout 2s")
	}
	for _, v := range vars {
		if root, ok := strings.CutPrefix(v, "ROOT="); ok {
			variables.root = root
		}
	}
	return variables.shell("sh", text, vars...)
}

// mustRecipe runs a script that must succeed, and returns its stdout.
func (r *recipes) mustRecipe(t *testing.T, heading string, vars ...string) string {
	t.Helper()
	code, stdout, stderr := labtest.RunCommand(t, r.command(t, heading, 0, vars...))
	if code != 0 {
		t.Fatalf("%s: exit code %d, stdout %q\n%s", heading, code, stdout, stderr)
	}
	return stdout
}

// runRecipes runs every script of docs/scripting.md, in an order in which each finds the
// objects that it needs.
func runRecipes(t *testing.T, pages map[string]*page) {
	t.Helper()
	admin := labtest.NewAdmin(t)
	r := recipes{admin, newReader(t, admin.Server), pages["docs/scripting.md"]}
	r.MustRun(t, "setup", "--endpoint", r.Server.URL())
	t.Run("hand over", r.handOver)
	t.Run("tokens", r.tokens)
	t.Run("codes", r.codes)
	r.MustRun(t, "setup", "--auto-approve", "none", "--force")
	t.Run("approve", r.approve)
}

func (r *recipes) handOver(t *testing.T) {
	r.mustRecipe(t, "Create a token and deliver it as one file", "JOB=hand-over")
	file := filepath.Join(r.dir, "bootstrap.conf")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("bootstrap.conf: %v, %v", info, err)
	}
	root := filepath.Join(r.dir, "node")
	r.mustRecipe(t, "Join with that file", "NODE=by-file", "ROOT="+root)
	wantJoined(t, r.Admin, root, "by-file")
	if _, err := os.Stat(file); err == nil {
		t.Error("bootstrap.conf still exists")
	}
	if names := r.mustRecipe(t, "Wait for a node", "NODE=by-file"); !strings.HasPrefix(names, "node-csr-") {
		t.Errorf("the CSR is %q", names)
	}
	const watch = "Monitor a node's certificate"
	if seen := r.mustRecipe(t, watch, "ROOT="+root); !strings.HasPrefix(seen, "by-file 20") {
		t.Errorf("the printed certificate is %q", seen)
	}
	if code, stdout, _ := labtest.RunCommand(t, r.command(t, watch, 0, "ROOT="+filepath.Join(r.dir, "nothing"))); code != 4 || stdout != "" {
		t.Errorf("without a certificate: exit code %d, stdout %q", code, stdout)
	}
}

func (r *recipes) tokens(t *testing.T) {
	const list = `jsonpath={.items[?(@.description=="rotated")].id}`
	r.MustRun(t, "token", "create", "--description", "kept")
	r.mustRecipe(t, "Rotate the token of a job", "JOB=rotated")
	first := r.MustRun(t, "token", "list", "-o", list)
	r.mustRecipe(t, "Rotate the token of a job", "JOB=rotated")
	second := r.MustRun(t, "token", "list", "-o", list)
	full := labtest.ReadFile(t, filepath.Join(r.dir, "token"))
	if first == second || len(second) != 6 || !strings.HasPrefix(string(full), second+".") {
		t.Errorf("first %q, then %q, and the file has token %.6s", first, second, full)
	}
	const read = "Read the result and the error as JSON"
	if got := r.mustRecipe(t, read, "ID="+second); !strings.HasPrefix(got, second+" is valid until 20") {
		t.Errorf("for the token, it prints %q", got)
	}
	if got := r.mustRecipe(t, read, "ID="+first); !strings.HasPrefix(got, "TokenNotFound (3, do not retry): ") {
		t.Errorf("for a deleted token, it prints %q", got)
	}
	r.mustRecipe(t, "Clean up")
}

func (r *recipes) codes(t *testing.T) {
	good := []string{"ENDPOINT=" + r.Server.URL(), "PIN=" + r.MustRun(t, "cluster-info", "pin"), "NODE=by-code", "ROOT=" + filepath.Join(r.dir, "by-code")}
	tests := []struct{ change, want string }{
		{"PIN=sha256:" + strings.Repeat("0", 64), "verification failed"},
		{deadEndpoint, "no API server"},
		{"", "joined"},
		{"NODE=Not_A_Name", "failed with exit code 2"},
	}
	for _, test := range tests {
		vars := append(append([]string{}, good...), test.change)
		if got := r.mustRecipe(t, "Act on the exit code", vars...); !strings.Contains("\n"+got, "\n"+test.want) {
			t.Errorf("with %s, it prints %q, want %q", test.change, got, test.want)
		}
	}
}

// approve runs a node that waits for an administrator in another process.
func (r *recipes) approve(t *testing.T) {
	tests := []struct {
		node, heading string
		admin         int // the index of the administrator's script
	}{
		{"by-name", "Approve a node by its name", 0},
		{"by-fingerprint", "Approve a node by its fingerprint", 1},
	}
	for _, test := range tests {
		t.Run(test.node, func(t *testing.T) {
			r.mustRecipe(t, "Create a token and deliver it as one file", "JOB=approve")
			root := filepath.Join(r.dir, test.node)
			vars := []string{"NODE=" + test.node, "ROOT=" + root}
			node := r.command(t, "Join with that file", 0, vars...)
			if test.admin > 0 {
				node = r.command(t, test.heading, 0, vars...)
			}
			if err := node.Start(); err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := labtest.RunCommand(t, r.command(t, test.heading, test.admin, vars...))
			if code != 0 || !strings.HasPrefix(stdout, "node-csr-") {
				t.Errorf("exit code %d, stdout %q\n%s", code, stdout, stderr)
			}
			if err := node.Wait(); err != nil {
				t.Error(err)
			}
			wantJoined(t, r.Admin, root, test.node)
		})
	}
}
