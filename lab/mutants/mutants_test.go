// Package mutants removes each security guard with an overlay on the source, and checks
// that a test of the guard then fails.
//
// A mutant is a file in testdata: the guard, the source file and the tests, then the
// text of the guard and its replacement. If a guard's text has changed, this test fails,
// so that no mutant is forgotten.
package mutants

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"
)

type mutant struct {
	// file is the path of the source in the repository.
	file string
	// pkg and run select the test: a package of the repository and a pattern.
	pkg, run string
	old, new string
}

func TestMutants(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no mutants: %v", err)
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	baselines := map[string]func() (string, error){}
	for _, file := range files {
		m := read(t, file)
		key := m.pkg + " " + m.run
		if baselines[key] == nil {
			baselines[key] = sync.OnceValues(func() (string, error) { return runTests(root, m, "") })
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			if out, err := baselines[key](); err != nil || strings.Contains(out, "no tests to run") {
				t.Fatalf("without the mutant, the test fails: %v\n%s", err, out)
			}
			out, err := runTests(root, m, overlay(t, root, m))
			switch {
			case err == nil:
				t.Errorf("without the guard, %s in %s still passes", m.run, m.pkg)
			case strings.Contains(out, "[build failed]") || !strings.Contains(out, "--- FAIL"):
				t.Errorf("the mutant does not compile, or the test did not run:\n%s", out)
			}
		})
	}
}

func read(t *testing.T, file string) mutant {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var m mutant
	fields := map[string]*string{"file": &m.file, "package": &m.pkg, "run": &m.run}
	for line := range strings.Lines(string(archive.Comment)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if field := fields[name]; field != nil {
			*field = value
		}
	}
	for _, part := range archive.Files {
		switch part.Name {
		case "old":
			m.old = string(part.Data)
		case "new":
			m.new = string(part.Data)
		}
	}
	if m.file == "" || m.pkg == "" || m.run == "" || m.old == "" {
		t.Fatalf("%s is incomplete", file)
	}
	return m
}

// overlay writes the mutated source and returns the overlay file for go test.
func overlay(t *testing.T, root string, m mutant) string {
	t.Helper()
	path := filepath.Join(root, m.file)
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(source), m.old) != 1 {
		t.Fatalf("%s does not contain the guard exactly once:\n%s", m.file, m.old)
	}
	dir := t.TempDir()
	mutated := filepath.Join(dir, filepath.Base(m.file))
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(source), m.old, m.new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {path: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func runTests(root string, m mutant, overlay string) (string, error) {
	args := []string{"test", "-vet=off", "-failfast", "-ldflags", "-s -w", "-run", m.run, "-timeout", "5m"}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.Command("go", append(args, m.pkg)...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	return string(out), err
}
