package pkg_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/bootctl/bootctl"

// goCommand runs the go command in dir, without the network, and returns its output.
func goCommand(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOPROXY=off", "GOSUMDB=off", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// library returns the packages below pkg, with their types.
func library(t *testing.T) []*types.Package {
	t.Helper()
	sources, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources { // makes go test ignore its cached result when a source changes
		if _, err := os.Stat(source); err != nil {
			t.Fatal(err)
		}
	}
	exports := map[string]string{}
	for line := range strings.Lines(goCommand(t, ".", "list", "-deps", "-export", "-f", "{{.ImportPath}} {{.Export}}", "./...")) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		exports[path] = file
	}
	imports := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	var packages []*types.Package
	for path, file := range exports {
		if !strings.HasPrefix(path, module+"/pkg/") || file == "" {
			continue
		}
		p, err := imports.Import(path)
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	slices.SortFunc(packages, func(a, b *types.Package) int { return strings.Compare(a.Path(), b.Path()) })
	if len(packages) < 9 {
		t.Fatalf("%d packages", len(packages))
	}
	return packages
}

// exported returns the exported objects of the package.
func exported(p *types.Package) []types.Object {
	var objects []types.Object
	for _, name := range p.Scope().Names() {
		if object := p.Scope().Lookup(name); object.Exported() {
			objects = append(objects, object)
		}
	}
	return objects
}

// reachable calls visit with each named type that an exported object has in its type, in
// its exported fields and in the signatures of its exported methods.
func reachable(object types.Object, visit func(*types.TypeName)) {
	var walk func(t types.Type)
	walk = func(t types.Type) {
		switch t := t.(type) {
		case *types.Named:
			visit(t.Obj())
			for arg := range t.TypeArgs().Types() {
				walk(arg)
			}
		case *types.Alias:
			walk(types.Unalias(t))
		case *types.Signature:
			walk(t.Params())
			walk(t.Results())
		case *types.Tuple:
			for v := range t.Variables() {
				walk(v.Type())
			}
		case *types.Struct:
			for field := range t.Fields() {
				if field.Exported() {
					walk(field.Type())
				}
			}
		case *types.Interface:
			for method := range t.Methods() {
				walk(method.Type())
			}
		case *types.Map:
			walk(t.Key())
			walk(t.Elem())
		case interface{ Elem() types.Type }: // pointers, slices, arrays, channels
			walk(t.Elem())
		}
	}
	if _, ok := object.(*types.TypeName); !ok {
		walk(object.Type())
		return
	}
	walk(object.Type().Underlying())
	methods := types.NewMethodSet(types.NewPointer(object.Type()))
	for method := range methods.Methods() {
		if method.Obj().Exported() {
			walk(method.Type())
		}
	}
}

// Other modules can name every type that they need.
func TestLibrary_NoInternalTypes(t *testing.T) {
	objects := 0
	for _, p := range library(t) {
		for _, object := range exported(p) {
			objects++
			reachable(object, func(name *types.TypeName) {
				if name.Pkg() != nil && strings.HasPrefix(name.Pkg().Path(), module+"/internal/") {
					t.Errorf("%s.%s has %s in its signature", p.Name(), object.Name(), name.Pkg().Path()+"."+name.Name())
				}
			})
		}
	}
	if objects < 200 {
		t.Errorf("%d exported objects", objects)
	}
}

// consumer returns a program that names every exported function, fills each exported
// field of every exported struct, and matches every exported error.
func consumer(t *testing.T, packages []*types.Package) string {
	t.Helper()
	imports := map[string]string{}
	qualify := func(p *types.Package) string {
		if imports[p.Path()] == "" {
			imports[p.Path()] = fmt.Sprintf("p%d", len(imports))
		}
		return imports[p.Path()]
	}
	isError := func(t types.Type) bool {
		return types.Implements(t, types.Universe.Lookup("error").Type().Underlying().(*types.Interface))
	}
	var body strings.Builder
	for _, p := range packages {
		for _, object := range exported(p) {
			name := qualify(p) + "." + object.Name()
			switch object := object.(type) {
			case *types.Var:
				if isError(object.Type()) {
					fmt.Fprintf(&body, "\t_ = errors.Is(err, %s)\n", name)
				}
			case *types.TypeName:
				if fields, ok := object.Type().Underlying().(*types.Struct); ok {
					fmt.Fprintf(&body, "\t_ = %s{\n", name)
					for field := range fields.Fields() {
						if field.Exported() {
							fmt.Fprintf(&body, "\t\t%s: zero[%s](),\n", field.Name(), types.TypeString(field.Type(), qualify))
						}
					}
					body.WriteString("\t}\n")
				}
				for _, match := range []types.Type{object.Type(), types.NewPointer(object.Type())} {
					if isError(match) && !types.IsInterface(match) {
						fmt.Fprintf(&body, "\t_ = errors.As(err, new(%s))\n", types.TypeString(match, qualify))
						break
					}
				}
			case *types.Func: // of a generic one, an instance for its own constraints
				var arguments []string
				for parameter := range object.Signature().TypeParams().TypeParams() {
					arguments = append(arguments, types.TypeString(parameter.Constraint(), qualify))
				}
				if len(arguments) > 0 {
					name += "[" + strings.Join(arguments, ", ") + "]"
				}
				fmt.Fprintf(&body, "\t_ = %s\n", name)
			default:
				fmt.Fprintf(&body, "\t_ = %s\n", name)
			}
		}
	}
	text := "package consumer\n\nimport (\n\t\"errors\"\n"
	for path, name := range imports {
		text += fmt.Sprintf("\t%s %q\n", name, path)
	}
	return text + ")\n\nfunc zero[T any]() (t T) { return t }\n\nfunc Use(err error) {\n" + body.String() + "}\n"
}

// The library is usable from a module of its own.
func TestLibrary_OtherModule(t *testing.T) {
	dir := t.TempDir()
	root, err := filepath.Abs("testdata/consumer")
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, "consumer.go"): filepath.Join(dir, "consumer.go")}})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"consumer.go": []byte(consumer(t, library(t))), "overlay.json": overlay}
	for to, from := range map[string]string{"go.mod": "testdata/consumer/go.mod", "go.sum": "../go.sum"} {
		if files[to], err = os.ReadFile(from); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	goCommand(t, root, "vet", "-mod=mod", "-modfile="+filepath.Join(dir, "go.mod"), "-overlay="+filepath.Join(dir, "overlay.json"), "./...")
}
