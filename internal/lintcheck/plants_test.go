//go:build lintcheck

package lintcheck_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// A plant is a source that breaks one rule, or that looks as if it did.
type plant struct {
	name string
	// path is a file, or the directory in which to make a package for it.
	path string
	// source stands after a package clause, which is added where it has none.
	source string
	// linter is the one that must report it, or the several, sorted; empty if none may.
	linter string
	// text is part of the report.
	text string
}

func plants() []plant {
	return slices.Concat(imports(), siblings(), names(), others(), tests())
}

// importing returns an import declaration as goimports writes it.
func importing(paths ...string) string {
	if len(paths) == 1 {
		return fmt.Sprintf("import _ %q // planted\n", paths[0])
	}
	slices.SortFunc(paths, func(a, b string) int {
		if a, b := strings.Contains(a, "."), strings.Contains(b, "."); a != b {
			if b {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	var s strings.Builder
	for i, p := range paths {
		if i > 0 && strings.Contains(p, ".") && !strings.Contains(paths[i-1], ".") {
			s.WriteString("\n")
		}
		fmt.Fprintf(&s, "\t// planted\n\t_ %q\n", p)
	}
	return "import (\n" + s.String() + ")\n"
}

func imports() []plant {
	deny := func(dir, imported, list string) plant {
		return plant{dir + " imports " + imported, dir, importing(imported), "depguard", "from list '" + list + "'"}
	}
	allow := func(dir string, imported ...string) plant {
		return plant{dir + " may import " + imported[0], dir, importing(imported...), "", ""}
	}
	return []plant{
		deny("pkg/token", "github.com/spf13/cobra", "library"),
		deny("pkg/csr", "github.com/spf13/pflag", "library"),
		deny("pkg/join/print.go", "github.com/olekukonko/tablewriter", "library"),
		deny("pkg/join", "k8s.io/cli-runtime/pkg/printers", "library"),
		deny("pkg/token", "flag", "library"),
		deny("pkg/clusterinfo", "log", "library"),
		deny("pkg/setup", "k8s.io/klog/v2", "library"),
		deny("pkg/doctor", module+"/internal/output", "library"),
		deny("pkg/anything", module+"/internal/output", "library"),
		allow("cmd/bootctl", "flag", "log", "github.com/spf13/cobra", "github.com/spf13/pflag", "k8s.io/klog/v2",
			"k8s.io/cli-runtime/pkg/printers", module+"/internal/output"),
		allow("pkg/token", "log/slog"),
		allow("pkg/token/log_test.go", "log"),
		deny("cmd/bootctl", "github.com/olekukonko/tablewriter", "tables"),
		deny("internal/output", "github.com/olekukonko/tablewriter", "tables"),
		{"table.go may import tablewriter", "cmd/bootctl/table.go", "package main\n\n" + importing("github.com/olekukonko/tablewriter"), "", ""},
		deny("pkg/csr", "k8s.io/kubernetes/pkg/features", "kubernetes"),
		deny("cmd/bootctl", "k8s.io/kubernetes/pkg/features", "kubernetes"),
		deny("internal/output/kubernetes_test.go", "k8s.io/kubernetes/pkg/features", "kubernetes"),
		allow("lab/e2e", "k8s.io/kubernetes/pkg/features", "k8s.io/client-go/kubernetes"),
		deny("internal/apiclient", "k8s.io/client-go/kubernetes", "clientset"),
		allow("internal/apiclient", "k8s.io/client-go/kubernetes/typed/core/v1"),
		allow("pkg/token/fake_test.go", "k8s.io/client-go/kubernetes/fake", "k8s.io/client-go/kubernetes"),
	}
}

// siblings are all pairs of packages in pkg, and who else may import them.
func siblings() []plant {
	all := []string{"token", "csr", "clusterinfo", "join", "setup", "doctor", "another"}
	may := map[string][]string{
		"clusterinfo": {"token"},
		"join":        {"clusterinfo", "csr", "token"},
		"setup":       {"clusterinfo", "csr", "join", "token"},
		"doctor":      all,
	}
	var plants []plant
	for _, from := range all[:6] {
		for _, to := range all[:6] {
			p := plant{from + " imports " + to, "pkg/" + from, importing(module + "/pkg/" + to), "depguard", "from list '" + from + "'"}
			if from == to || slices.Contains(may[from], to) {
				p.linter, p.text = "", ""
			}
			plants = append(plants, p)
		}
	}
	for _, from := range []string{"pkg/another", "internal/apiclient", "lab/e2e", "cmd/another"} {
		for _, to := range []string{"setup", "doctor"} {
			plants = append(plants, plant{from + " imports " + to, from, importing(module + "/pkg/" + to), "depguard", "from list 'commands'"})
		}
	}
	plants = append(plants, plant{"cmd/bootctl imports them", "cmd/bootctl", importing(module+"/pkg/setup", module+"/pkg/doctor"), "", ""})
	return plants
}

// names are those that only main.go, tests and the lab may use.
func names() []plant {
	using := func(imported, name string) string {
		return fmt.Sprintf("import %s\n\n// V returns it.\nfunc V() any { return %s }\n", imported, name)
	}
	var plants []plant
	for name := range strings.FieldsSeq(`fmt.Print fmt.Printf fmt.Println
		os.Exit os.Stdin os.Stdout os.Stderr os.Args os.Getenv os.LookupEnv os.Environ
		time.Now time.Since time.Until time.Sleep time.After context.TODO context.Background
		log/slog.Default log/slog.Info log/slog.WarnContext log/slog.Log log/slog.LogAttrs`) {
		dir, short := "pkg/csr", path.Base(name)
		source := using(`"`+strings.TrimSuffix(name, path.Ext(name))+`"`, short)
		plants = append(plants,
			plant{short, dir, source, "forbidigo", "`" + short + "`"},
			plant{short + " in the lab", "lab/e2e", source, "", ""})
	}
	return append(plants,
		plant{"a name behind an alias", "cmd/bootctl", using(`clock "time"`, "clock.Now"), "forbidigo", "take the time as an argument"},
		plant{"another main.go", "internal/main.go", using(`"os"`, "os.Exit"), "forbidigo", "only main.go"},
		plant{"a method After", "pkg/csr", using(`"time"`, "time.Time.After"), "", ""},
		plant{"a new logger", "pkg/csr", using(`"log/slog"`, "slog.New"), "", ""},
		plant{"a name in a test", "pkg/csr/name_test.go", using(`"time"`, "time.Now"), "", ""},
	)
}

func others() []plant {
	lines := func(n int) string {
		return "// F is long.\nfunc F(a []int) {\n" + strings.Repeat("\ta[0]++\n", n) + "}\n"
	}
	return []plant{
		{"no comment on the package", "pkg/a/plant.go", "package a\n", "revive staticcheck", "package-comments"},
		{"no comment on a function", "pkg/csr", "func F() {}\n", "revive", "exported function F should have comment"},
		{"comment in the wrong form", "pkg/csr", "// Does it.\nfunc F() {}\n", "revive staticcheck", "ST1020"},
		{"a function of 61 lines", "cmd/bootctl", lines(61), "revive", "function-length"},
		{"a function of 60 lines", "cmd/bootctl", lines(60), "", ""},
		{"a file of 401 lines", "cmd/bootctl", strings.Repeat("// A line.\n", 398), "revive", "file-length-limit"},
		{"an init", "cmd/bootctl", "func init() {}\n", "gochecknoinits", "init"},
		{"a global", "cmd/bootctl", "// Hits is a count.\nvar Hits int\n", "gochecknoglobals", "Hits"},
		{"a sentinel", "pkg/csr", "import \"errors\"\n\n// ErrGone is an error.\nvar ErrGone = errors.New(\"gone\")\n", "", ""},
		{"an error compared", "pkg/csr", "import \"io\"\n\n// F compares.\nfunc F(err error) bool { return err == io.EOF }\n", "errorlint", "errors.Is"},
		{"an error asserted", "pkg/csr", "import \"os\"\n\n// F asserts.\nfunc F(err error) bool { _, ok := err.(*os.PathError); return ok }\n", "errorlint", "errors.As"},
		{"an error not wrapped", "pkg/csr", "import \"fmt\"\n\n// F formats.\nfunc F(err error) error { return fmt.Errorf(\"a: %v\", err) }\n", "errorlint", "%w"},
		{"an error dropped", "pkg/csr", "import \"io\"\n\n// F closes.\nfunc F(c io.Closer) { c.Close() }\n", "errcheck", "c.Close"},
		{"an error string", "pkg/csr", "import \"errors\"\n\n// F fails.\nfunc F() error { return errors.New(\"No.\") }\n", "revive staticcheck", "ST1005"},
		{"a nolint for all", "pkg/csr", "// Hits is a count.\nvar Hits int //nolint // it is planted\n", "nolintlint", "mention specific linter"},
		{"a nolint without reason", "pkg/csr", "// Hits is a count.\nvar Hits int //nolint:gochecknoglobals\n", "nolintlint", "explanation"},
		{"a nolint without need", "pkg/csr", "// Hit counts.\nconst Hit = 1 //nolint:gochecknoglobals // it is planted\n", "nolintlint", "unused"},
		{"a nolint in order", "pkg/csr", "// Hits is a count.\nvar Hits int //nolint:gochecknoglobals // it is planted\n", "", ""},
		{"a weak hash", "pkg/csr", importing("crypto/md5"), "gosec", "G501"},
		{"a lock copied", "pkg/csr", "import \"sync\"\n\n// F copies.\nfunc F(_ sync.Mutex) {}\n", "govet", "copylocks"},
		{"a value never read", "pkg/csr", "// F assigns.\nfunc F(a []int) int {\n\tn := len(a)\n\tn = cap(a)\n\treturn n\n}\n", "ineffassign staticcheck", "ineffectual"},
		{"a word misspelt", "pkg/csr", "// F rec" + "ieves.\nfunc F() {}\n", "misspell", "rec" + "ieves"},
		{"a comparison with true", "pkg/csr", "// F compares.\nfunc F(b bool) bool { return b == true }\n", "staticcheck", "S1002"},
		{"a conversion", "pkg/csr", "// F converts.\nfunc F(n int) int { return int(n) }\n", "unconvert", "unnecessary"},
		{"a parameter always the same", "pkg/csr", "// F calls.\nfunc F() int { return f(\"same\", 2) + f(\"same\", 4) + f(\"same\", 5) }\n\n// G calls.\nfunc G() int { return f(\"same\", 3) }\n\nfunc f(s string, n int) int {\n\tfor len(s) < n {\n\t\ts += s\n\t}\n\treturn len(s)\n}\n", "unparam", "always receives"},
		{"a function not used", "pkg/csr", "func f() {}\n", "unused", "f is unused"},
		{"not formatted", "pkg/csr", "// F is.\nfunc  F() {}\n", "gofmt goimports", ""},
		{"imports in one group", "cmd/bootctl", "import (\n\t_ \"" + module + "/pkg/csr\" // planted\n\t_ \"github.com/spf13/cobra\" // planted\n)\n", "gofmt goimports", ""},
		{"a replace directive", "go.mod", skeleton()["go.mod"] + "replace example.com/a => example.com/b v0.0.1\n", "gomoddirectives", "replace"},
		{"its vendor list", "vendor/modules.txt", skeleton()["vendor/modules.txt"] + "# example.com/a => example.com/b v0.0.1\n", "", ""},
	}
}

func tests() []plant {
	test := func(imports, body string) string {
		return "import (\n" + imports + "\t\"testing\"\n)\n\n" + body
	}
	return []plant{
		{"a helper that does not say so", "pkg/csr/helper_test.go",
			test("", "func TestHelper(t *testing.T) { check(t) }\n\nfunc check(t *testing.T) { t.Log() }\n"), "thelper", "t.Helper"},
		{"a context of its own", "pkg/csr/context_test.go",
			test("\t\"context\"\n", "func TestContext(t *testing.T) { t.Log(context.Background()) }\n"), "usetesting", "t.Context"},
		{"an environment for all", "pkg/csr/env_test.go",
			test("\t\"os\"\n", "func TestEnv(_ *testing.T) { _ = os.Setenv(\"A\", \"b\") }\n"), "usetesting", "Setenv"},
		{"a long test with a global", "pkg/csr/long_test.go",
			test("", "var a = []int{0}\n\nfunc TestLong(_ *testing.T) {\n"+strings.Repeat("\ta[0]++\n", 61)+"}\n"), "", ""},
	}
}
