package main

import (
	"strings"
	"testing"
)

// A template is refused beforehand only when it is none.
func TestPrint_TemplatesTriedFirst(t *testing.T) {
	for template, want := range map[string]string{"{{len .kind}}": "7", "{{index .kind 0}}": "86", "{{slice .kind 1}}": "ersion"} {
		got := invoke(t, hostileCluster(t), "version", "-o", "go-template="+template)
		if got.code != 0 || got.out != want {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", template, got.code, got.out, got.errOut)
		}
	}
	if got := invoke(t, hostileCluster(t), "version", "-o", "go-template={{nosuch .kind}}"); got.code != 2 || got.out != "" {
		t.Errorf("unknown function: exit code %d, stdout %q", got.code, got.out)
	}
}

func TestPrint_Formats(t *testing.T) {
	file := writeFile(t, "template", "{{.kind}}\n")
	path := writeFile(t, "path", "{.kind}")
	tests := []struct {
		name, format string
		want         string // exactly, where it does not end in ...
		code         int
	}{
		{"go-template-file", "go-template-file=" + file, "TokenList\n", 0},
		{"jsonpath-file", "jsonpath-file=" + path, "TokenList", 0},
		{"jsonpath-as-json", "jsonpath-as-json={.items[*].id}", "[\n    \"\",\n    \"" + plantedID + "\"\n]\n", 0},
		{"capitals", "JSON", "{\n    \"apiVersion\": \"bootctl.dev/v1beta1\"...", 0},
		{"kyaml", "kyaml", "---\n{\n  apiVersion: \"bootctl.dev/v1beta1\"...", 0},
		{"name", "name", "secret/bootstrap-token-" + plantedID + "\n", 0},
		{"missing key of a template", "go-template={{.nope}}", "<no value>", 0},
		{"missing key of a path", "jsonpath={.nope}", "", 0},
		{"no file", "go-template-file=" + file + ".none", "", 2},
		{"no template", "go-template", "", 2},
		{"no path", "jsonpath", "", 2},
		{"unknown", "columns", "", 2},
		{"path that does not parse", "jsonpath={.items[", "", 2},
		{"template that fails", "go-template={{index .items 9}}", "", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := invoke(t, hostileCluster(t), "token", "list", "-o", test.format)
			begin, partial := strings.CutSuffix(test.want, "...")
			if got.code != test.code || !strings.HasPrefix(got.out, begin) || !partial && got.out != test.want {
				t.Errorf("exit code %d, stdout %q, stderr %q; want %d and %q", got.code, got.out, got.errOut, test.code, test.want)
			}
			checkClean(t, got)
		})
	}
}

// What is missing is an error where that is wanted, and the error repeats nothing of
// what was to be printed.
func TestPrint_MissingKeys(t *testing.T) {
	for _, format := range []string{"jsonpath={.nope}", "go-template={{.nope}}"} {
		got := invoke(t, hostileCluster(t), "token", "list", "--show-secrets", "--allow-missing-template-keys=false", "-o", format)
		if got.code != 1 || got.out != "" || !strings.Contains(got.errOut, "nope") || !strings.Contains(got.errOut, "(Template)") {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", format, got.code, got.out, got.errOut)
		}
		if strings.Contains(got.errOut, plantedID) {
			t.Errorf("%s: stderr repeats the object: %q", format, got.errOut)
		}
	}
}

func TestQuiet_WithFormat(t *testing.T) {
	for _, format := range []string{"name", "json", "table", "text"} {
		if got := invoke(t, hostileCluster(t), "token", "list", "-q", "-o", format); got.code != 2 || got.out != "" || !strings.Contains(got.errOut, "--quiet") {
			t.Errorf("-q -o %s: exit code %d, stdout %q, stderr %q", format, got.code, got.out, got.errOut)
		}
	}
}
