package lintcheck_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// crypto/rand is the only source of randomness in the program, but for the jitter
// of waits.
func TestRandomnessIsCrypto(t *testing.T) {
	root := filepath.Join("..", "..")
	jitter := filepath.Join(root, "internal", "apiclient", "until.go")
	cryptographic := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (path == filepath.Join(root, "lab") || strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".."):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			switch {
			case name == "crypto/rand":
				cryptographic++
			case strings.HasPrefix(name, "math/rand") && path != jitter:
				t.Errorf("%s imports %s", path, name)
			}
		}
		return nil
	})
	if err != nil || cryptographic == 0 {
		t.Errorf("crypto/rand is imported %d times (%v)", cryptographic, err)
	}
}
