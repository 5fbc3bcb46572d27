package schema

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the generated files instead of comparing them")

// TestGenerated compares docs/schemas with the current types.
func TestGenerated(t *testing.T) {
	dir := filepath.Join("..", "..", "docs", "schemas")
	if *update {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var files []string
	for _, kind := range Kinds() {
		s, err := For(kind)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, '\n')
		file := filepath.Join(dir, kind+".json")
		files = append(files, file)
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != string(want) {
			t.Errorf("%s.json is not current (%v); run: make docs", kind, err)
		}
	}
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || !slices.Equal(found, files) {
		t.Errorf("docs/schemas contains %v, want %v (%v)", found, files, err)
	}
}

// TestKinds_All checks that every type with a kind, and Event, has a schema.
func TestKinds_All(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "internal", "output", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	declared := []string{"Event"}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && embedsMeta(spec) {
				declared = append(declared, spec.Name.Name)
			}
			return true
		})
	}
	slices.Sort(declared)
	if !slices.Equal(declared, Kinds()) {
		t.Errorf("there are schemas for %v, want %v", Kinds(), declared)
	}
}

// embedsMeta reports whether a type has a kind: a struct that embeds Meta, or a List.
// List itself is not a document.
func embedsMeta(spec *ast.TypeSpec) bool {
	if instance, ok := spec.Type.(*ast.IndexExpr); ok {
		generic, ok := instance.X.(*ast.Ident)
		return ok && generic.Name == "List"
	}
	structure, ok := spec.Type.(*ast.StructType)
	return ok && spec.TypeParams == nil && slices.ContainsFunc(structure.Fields.List, func(field *ast.Field) bool {
		name, ok := field.Type.(*ast.Ident)
		return ok && len(field.Names) == 0 && name.Name == "Meta"
	})
}

// TestKinds_InScripts checks that a script validates a document of each kind that the
// built bootctl prints.
func TestKinds_InScripts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "e2e", "testdata", "script", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	var scripts strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		scripts.Write(text)
	}
	for _, kind := range Kinds() {
		command := "\nfits " + kind + " "
		if kind == "Event" {
			command = "\nfitsevents "
		}
		if !strings.Contains(scripts.String(), command) {
			t.Errorf("no script in lab/e2e has the line %q", command)
		}
	}
}

// TestValidate checks that the JSON of each type matches its schema, with every field
// set and with as few as possible. A document that lacks a field, has an additional
// field, or has null for a list does not match.
func TestValidate(t *testing.T) {
	for kind, typ := range types {
		t.Run(kind, func(t *testing.T) {
			whole, least := reflect.New(typ), reflect.New(typ)
			set(t, whole.Elem(), 1)
			set(t, least.Elem(), 0)
			fields := fieldsOf(t, whole)
			fits(t, kind, fields, true)
			fields["unknown"] = true
			fits(t, kind, fields, false)

			required := fieldsOf(t, least)
			fits(t, kind, required, true)
			for name, value := range required {
				delete(required, name)
				fits(t, kind, required, false)
				required[name] = nil
				fits(t, kind, required, false)
				required[name] = value
			}
		})
	}
}

// set puts n items into each list of the value and, unless n is 0, sets each field to a
// value that is not omitted.
func set(t *testing.T, v reflect.Value, n int) {
	t.Helper()
	switch kind := v.Kind(); {
	case v.Type() == reflect.TypeFor[time.Time]() && n == 0: // omitzero omits it
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(int64(n), 0).UTC()))
	case kind == reflect.Struct:
		for i := range v.NumField() {
			set(t, v.Field(i), n)
		}
	case kind == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			set(t, v.Index(i), n)
		}
	case kind == reflect.Pointer && n > 0:
		v.Set(reflect.New(v.Type().Elem()))
		set(t, v.Elem(), n)
	case kind == reflect.String:
		v.SetString(strings.Repeat("x", n))
	case kind == reflect.Bool:
		v.SetBool(n > 0)
	case v.CanInt():
		v.SetInt(int64(n))
	case kind != reflect.Pointer:
		t.Fatalf("no value for a %s", v.Type())
	}
}

func fieldsOf(t *testing.T, v reflect.Value) map[string]any {
	t.Helper()
	text, err := json.Marshal(v.Interface())
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

func fits(t *testing.T, kind string, fields map[string]any, want bool) {
	t.Helper()
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	if err := Validate(kind, text); (err == nil) != want {
		t.Errorf("%s: %v, want a match: %v", text, err, want)
	}
}
