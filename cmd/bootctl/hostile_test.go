package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/testtext"
)

// TestTree_HostileTexts runs each command against a cluster that returns hostile texts,
// with all output formats in turn.
func TestTree_HostileTexts(t *testing.T) {
	many := 16
	if os.Getenv("BOOTCTL_SOAK") != "" {
		many = 1000
	}
	formats := []string{"table", "wide", "name", "json", "yaml", "jsonpath={}", "jsonpath={.items[*].name}", "go-template={{.}}"}
	for path, tried := range leafCases() {
		if tried.document == nil {
			continue
		}
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			found := 0
			for n := range many {
				text, format := testtext.Hostile(n), formats[n%len(formats)]
				args := append(strings.Fields(path), tried.args...)
				for i := range args {
					if args[i] == hostile {
						args[i] = text
					}
				}
				got := invoke(t, clusterSaying(t, text), append(args, "-o", format, "-v", "1")...)
				checkClean(t, got)
				if format == "json" && got.out != "" {
					found += count(t, got.out, text)
				}
				if t.Failed() {
					t.Fatalf("text %d, %q, in %s", n, text, format)
				}
			}
			if slices.Contains([]string{"token list", "csr list", "cluster-info show"}, path) && found == 0 {
				t.Error("no document contains a text of the cluster")
			}
		})
	}
}

// count returns how many values of the document equal the text.
func count(t *testing.T, document, text string) int {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(document), &value); err != nil {
		t.Errorf("%v: %q", err, document)
	}
	n := 0
	var walk func(any)
	walk = func(value any) {
		switch v := value.(type) {
		case string:
			if v == string([]rune(text)) {
				n++
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			for _, item := range v {
				walk(item)
			}
		}
	}
	walk(value)
	return n
}
