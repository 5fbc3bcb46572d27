// Package house renders the packages of bootctl as floors and measures their code.
//
// docs/architecture.md shows the drawing; a test compares the two and checks that
// no package imports upward.
package house

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// Module is the path of bootctl's module.
const Module = "github.com/bootctl/bootctl"

// Floor is a row of the drawing. A package may import packages on lower floors only.
type Floor struct {
	Name  string
	Rooms []string // patterns of package paths below Module, as of path.Match
}

// Floors are the rows of the drawing, the highest first.
var Floors = []Floor{
	{"process", []string{"cmd/bootctl"}},
	{"commands", []string{"cmd/bootctl/*cmd"}},
	{"shared by commands", []string{"internal/cmdutil"}},
	{"command line", []string{"internal/cli"}},
	{"diagnosis", []string{"pkg/doctor"}},
	{"failures", []string{"internal/failure"}},
	{"lab", []string{"internal/lab"}},
	{"workflows", []string{"pkg/approval", "pkg/join", "pkg/setup"}},
	{"node and requester", []string{"pkg/discovery", "pkg/csr"}},
	{"cluster-info", []string{"pkg/clusterinfo"}},
	{"tokens", []string{"pkg/token"}},
	{"client", []string{"pkg/kubeclient"}},
	{"foundation", []string{"internal/certpem", "internal/durable", "internal/escape", "internal/output", "internal/version"}},
}

// Package is a package of the module, with its imports from the module.
type Package struct {
	Path    string // below Module
	Imports []string
}

// Packages lists the packages of the module in dir that are not test helpers.
func Packages(dir string) ([]Package, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,GoFiles,Imports", "./...")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var packages []Package
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var listed struct {
			ImportPath string
			GoFiles    []string
			Imports    []string
		}
		if err := decoder.Decode(&listed); err == io.EOF {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		p := Package{Path: below(listed.ImportPath)}
		if strings.HasPrefix(p.Path, "internal/test") || len(listed.GoFiles) == 0 {
			continue
		}
		for _, imported := range listed.Imports {
			if strings.HasPrefix(imported, Module+"/") {
				p.Imports = append(p.Imports, below(imported))
			}
		}
		packages = append(packages, p)
	}
}

func below(importPath string) string { return strings.TrimPrefix(importPath, Module+"/") }

// FloorOf returns the index in Floors of the package, or -1.
func FloorOf(pkg string) int {
	return slices.IndexFunc(Floors, func(f Floor) bool {
		return slices.ContainsFunc(f.Rooms, func(room string) bool {
			ok, _ := path.Match(room, pkg)
			return ok
		})
	})
}

// Violations returns a sentence for each import that does not lead to a lower floor,
// and for each package that is on no floor.
func Violations(packages []Package) []string {
	var found []string
	for _, p := range packages {
		floor := FloorOf(p.Path)
		if floor < 0 {
			found = append(found, p.Path+" is on no floor")
		}
		for _, imported := range p.Imports {
			if FloorOf(imported) <= floor {
				found = append(found, fmt.Sprintf("%s imports %s, which is not on a lower floor", p.Path, imported))
			}
		}
	}
	return found
}

// Mermaid renders the floors as a flowchart: each floor is a box with its packages, and an
// arrow leads to each package that another one imports. Packages of the foundation are
// boxes without arrows, since almost every package imports them.
func Mermaid(packages []Package) string {
	var b strings.Builder
	b.WriteString("flowchart TB\n")
	slices.SortFunc(packages, func(x, y Package) int { return cmp.Compare(x.Path, y.Path) })
	for i, floor := range Floors {
		fmt.Fprintf(&b, "    subgraph floor%d[\"%s\"]\n", i, floor.Name)
		for _, p := range packages {
			if FloorOf(p.Path) == i {
				fmt.Fprintf(&b, "        %s[\"%s\"]\n", id(p.Path), p.Path)
			}
		}
		b.WriteString("    end\n")
	}
	arrows := map[string]bool{}
	for _, p := range packages {
		for _, imported := range p.Imports {
			from, to := id(p.Path), id(imported)
			if FloorOf(p.Path) == 1 {
				from = "floor1" // all commands are imported in the same way
			}
			if FloorOf(imported) == len(Floors)-1 || FloorOf(p.Path) == 0 && FloorOf(imported) == 1 {
				continue
			}
			arrows[fmt.Sprintf("    %s --> %s\n", from, to)] = true
		}
	}
	arrows["    "+id("cmd/bootctl")+" --> floor1\n"] = true
	for _, arrow := range sorted(arrows) {
		b.WriteString(arrow)
	}
	return b.String()
}

func sorted(set map[string]bool) []string {
	var list []string
	for entry := range set {
		list = append(list, entry)
	}
	slices.Sort(list)
	return list
}

func id(pkg string) string { return strings.ReplaceAll(pkg, "/", "_") }
