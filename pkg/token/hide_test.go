package token_test

import (
	"strings"
	"testing"

	"github.com/bootctl/bootctl/pkg/token"
)

func TestRedact(t *testing.T) {
	hidden := "abcdef." + strings.Repeat("*", 16)
	for text, want := range map[string]string{
		"abcdef.0123456789abcdef":                         hidden,
		`open "abcdef.0123456789abcdef": no such file`:    `open "` + hidden + `": no such file`,
		"-token=abcdef.0123456789abcdef.":                 "-token=" + hidden + ".",
		"abcdef.0123456789abcdef.0123456789abcdef":        hidden + ".0123456789abcdef",
		"abcdef.0123456789abcdef,abcdef.fedcba9876543210": hidden + "," + hidden,
		"xabcdef.0123456789abcdefx":                       "xabcdef." + strings.Repeat("*", 17),
		"-tabcdef.0123456789abcdef":                       "-t" + hidden,
		"xxabcdef.0123456789abcdefxx":                     "xxabcdef." + strings.Repeat("*", 18),
		"xxxabcdef.0123456789abcdef":                      "xxxabcdef.0123456789abcdef",
		"abcdef.0123456789abcdefxxx":                      "abcdef.0123456789abcdefxxx",
		"lookup worker1.westeuropecluster2.example.com":   "lookup worker1.westeuropecluster2.example.com",
		"lookup a.worker1.westeuropecluster":              "lookup a.worker1.westeuropecluster",
		"abcdef.0123456789abcde":                          "abcdef.0123456789abcde",
		"abcdeF.0123456789abcdef":                         "abcdeF.0123456789abcdef",
		"the text has no token.":                          "the text has no token.",
		"":                                                "",
	} {
		if got := token.Redact(text); got != want {
			t.Errorf("Redact(%q) = %q, want %q", text, got, want)
		}
	}
}
