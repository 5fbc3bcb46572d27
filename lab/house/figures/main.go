// Command figures measures the production code below the folders given: lines of code
// without comments and blanks, the lengths of functions and files, doc comments, the
// directives that silence a linter, and the types with the most methods. Tests, their
// helpers (internal/test*) and testdata do not count.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

type figures struct {
	code             int
	functions, files []int
	docs, nolint     int
	methods          map[string]int
}

func main() {
	f := figures{methods: map[string]int{}}
	for _, dir := range os.Args[1:] {
		if err := filepath.WalkDir(dir, f.visit); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	fmt.Printf("lines of code: %d\n", f.code)
	fmt.Printf("functions: %s\nfiles: %s\n", distribution(f.functions), distribution(f.files))
	fmt.Printf("doc comments: %d, nolint: %d\n", f.docs, f.nolint)
	types := slices.SortedFunc(maps.Keys(f.methods), func(a, b string) int { return f.methods[b] - f.methods[a] })
	for _, name := range types[:min(3, len(types))] {
		fmt.Printf("methods of %s: %d\n", name, f.methods[name])
	}
}

// distribution formats the count of the numbers and their quantiles.
func distribution(numbers []int) string {
	if len(numbers) == 0 {
		return "none"
	}
	slices.Sort(numbers)
	at := func(percent int) int { return numbers[(len(numbers)-1)*percent/100] }
	return fmt.Sprintf("%d, p50 %d, p90 %d, max %d lines", len(numbers), at(50), at(90), at(100))
}

func (f *figures) visit(path string, entry fs.DirEntry, err error) error {
	isTest := strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") || strings.Contains(path, "internal/test")
	if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || isTest {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, text, parser.ParseComments)
	if err != nil {
		return err
	}
	f.code += codeLines(text)
	f.files = append(f.files, strings.Count(string(text), "\n"))
	f.nolint += strings.Count(string(text), "//nolint")
	for _, decl := range file.Decls {
		f.declaration(fset, filepath.Dir(path), decl)
	}
	return nil
}

// codeLines counts the lines that have a token other than a comment.
func codeLines(text []byte) int {
	lines := map[int]bool{}
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(text))
	s.Init(file, text, nil, 0)
	for {
		pos, tok, literal := s.Scan()
		if tok == token.EOF {
			return len(lines)
		}
		if tok == token.SEMICOLON && literal == "\n" {
			continue
		}
		for i := range 1 + strings.Count(literal, "\n") {
			lines[file.Line(pos)+i] = true
		}
	}
}

func (f *figures) declaration(fset *token.FileSet, dir string, decl ast.Decl) {
	var docs []*ast.CommentGroup
	switch d := decl.(type) {
	case *ast.FuncDecl:
		f.functions = append(f.functions, fset.Position(d.End()).Line-fset.Position(d.Pos()).Line+1)
		docs = append(docs, d.Doc)
		if d.Recv != nil {
			f.methods[dir+"."+strings.TrimPrefix(typeName(d.Recv.List[0].Type), "*")]++
		}
	case *ast.GenDecl:
		docs = append(docs, d.Doc)
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				docs = append(docs, s.Doc)
			case *ast.ValueSpec:
				docs = append(docs, s.Doc)
			}
		}
	}
	for _, doc := range docs {
		if doc != nil {
			f.docs++
		}
	}
}

// typeName returns a receiver's type name.
func typeName(expr ast.Expr) string {
	switch e := expr.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return "?"
}
