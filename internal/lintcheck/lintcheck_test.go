//go:build lintcheck

package lintcheck_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	module = "github.com/bootctl/bootctl"
	config = "../../.golangci.yml"
	header = "// Package %s is part of a planted tree.\npackage %[1]s\n\n"
)

type issue struct {
	FromLinter, Text string
	Pos              struct{ Filename string }
}

func TestSkeletonIsSilent(t *testing.T) {
	for _, found := range lint(t, skeleton()) {
		t.Errorf("%s: %s: %s", found.Pos.Filename, found.FromLinter, found.Text)
	}
}

func TestPlants(t *testing.T) {
	tree := skeleton()
	wanted := map[string]plant{}
	for i, p := range plants() {
		file := p.path
		if path.Ext(file) == "" {
			file = fmt.Sprintf("%s/p%03d/plant.go", file, i)
		}
		if strings.HasSuffix(file, ".go") && !strings.Contains(p.source, "package ") {
			p.source = fmt.Sprintf(header, path.Base(path.Dir(file))) + p.source
		}
		if _, taken := wanted[file]; taken {
			t.Fatalf("two plants are named %s", file)
		}
		tree[file], wanted[file] = p.source, p
	}

	found := map[string][]issue{}
	for _, one := range lint(t, tree) {
		if _, ok := wanted[one.Pos.Filename]; !ok {
			t.Errorf("not planted: %s: %s: %s", one.Pos.Filename, one.FromLinter, one.Text)
		}
		found[one.Pos.Filename] = append(found[one.Pos.Filename], one)
	}
	for _, file := range slices.Sorted(maps.Keys(wanted)) {
		p := wanted[file]
		t.Run(p.name, func(t *testing.T) {
			linters := map[string]bool{}
			var texts strings.Builder
			for _, one := range found[file] {
				linters[one.FromLinter] = true
				fmt.Fprintln(&texts, one.Text)
			}
			if got := strings.Join(slices.Sorted(maps.Keys(linters)), " "); got != p.linter {
				t.Errorf("%s: reported by %q, want %q\n%s\n%s", file, got, p.linter, &texts, p.source)
			}
			if !strings.Contains(texts.String(), p.text) {
				t.Errorf("%s: reported\n%swant %q", file, &texts, p.text)
			}
		})
	}
	t.Run("every rule", func(t *testing.T) { checkEveryRule(t, found) })
}

// checkEveryRule wants every linter, denied import and forbidden name of the
// configuration among what was found, so that a new rule needs a plant.
func checkEveryRule(t *testing.T, found map[string][]issue) {
	t.Helper()
	var all strings.Builder
	for _, issues := range found {
		for _, one := range issues {
			fmt.Fprintf(&all, "[%s] %s\n", one.FromLinter, one.Text)
		}
	}
	var c struct {
		Formatters struct{ Enable []string }
		Linters    struct {
			Enable   []string
			Settings struct {
				Depguard struct {
					Rules map[string]struct{ Deny []struct{ Pkg, Desc string } }
				}
				Forbidigo struct{ Forbid []struct{ Msg string } }
			}
		}
	}
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, name := range slices.Concat(c.Linters.Enable, c.Formatters.Enable) {
		want = append(want, "["+name+"]")
	}
	for name, rule := range c.Linters.Settings.Depguard.Rules {
		for _, d := range rule.Deny {
			want = append(want, fmt.Sprintf("is not allowed from list '%s': %s", name, d.Desc))
		}
	}
	for _, f := range c.Linters.Settings.Forbidigo.Forbid {
		want = append(want, f.Msg)
	}
	for _, w := range want {
		if !strings.Contains(all.String(), w) {
			t.Errorf("no plant is reported as %q", w)
		}
	}
}

// lint returns what golangci-lint, with our configuration, reports in a tree of
// files, given as path to content.
func lint(t *testing.T, tree map[string]string) []issue {
	t.Helper()
	command := strings.Fields(os.Getenv("GOLANGCI"))
	if len(command) == 0 {
		t.Fatal("GOLANGCI is not set to the command that starts golangci-lint")
	}
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	tree[".golangci.yml"] = string(text)
	root, err := filepath.EvalSymlinks(t.TempDir()) // depguard compares whole paths
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range tree {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	report := filepath.Join(root, "report.json")
	cmd := exec.Command(command[0], append(command[1:], "run", "--allow-parallel-runners", "--issues-exit-code=0",
		"--uniq-by-line=false", "--output.json.path="+report)...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	var got struct{ Issues []issue }
	if text, err = os.ReadFile(report); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	return got.Issues
}

// skeleton is the module with empty packages, and a main.go that does what only
// a main.go may.
func skeleton() map[string]string {
	tree := map[string]string{"cmd/bootctl/main.go": "// Command bootctl is part of a planted tree.\npackage main\n\n" +
		"import (\n\t\"context\"\n\t\"os\"\n\t\"time\"\n)\n\n" +
		"func main() {\n\t_, _ = context.Background(), time.Now()\n\t_, _ = os.Getenv(\"A\"), os.Stdout\n\tos.Exit(len(os.Args))\n}\n"}
	for _, dir := range []string{"pkg/token", "pkg/clusterinfo", "pkg/csr", "pkg/join", "pkg/setup", "pkg/doctor", "internal/output"} {
		tree[dir+"/doc.go"] = strings.TrimSuffix(fmt.Sprintf(header, path.Base(dir)), "\n")
	}
	var requires, modules strings.Builder
	for _, stub := range []struct{ module, packages string }{
		{"github.com/olekukonko/tablewriter", "."},
		{"github.com/spf13/cobra", "."},
		{"github.com/spf13/pflag", "."},
		{"k8s.io/cli-runtime", "pkg/printers"},
		{"k8s.io/client-go", "kubernetes kubernetes/fake kubernetes/typed/core/v1"},
		{"k8s.io/klog/v2", "."},
		{"k8s.io/kubernetes", "pkg/features"},
	} {
		version := "v0.0.1"
		if strings.HasSuffix(stub.module, "/v2") {
			version = "v2.0.1"
		}
		fmt.Fprintf(&requires, "require %s %s\n", stub.module, version)
		fmt.Fprintf(&modules, "# %s %s\n## explicit\n", stub.module, version)
		for p := range strings.FieldsSeq(stub.packages) {
			p = path.Join(stub.module, p)
			fmt.Fprintln(&modules, p)
			tree["vendor/"+p+"/stub.go"] = "package stub\n"
		}
	}
	tree["go.mod"] = "module " + module + "\n\ngo 1.26.0\n\n" + requires.String()
	tree["vendor/modules.txt"] = modules.String()
	return tree
}
