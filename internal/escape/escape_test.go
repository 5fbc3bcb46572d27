package escape_test

import (
	"encoding/json"
	"os"
	"testing"
	"unicode"
	"unicode/utf8"

	"sigs.k8s.io/yaml"
	"sigs.k8s.io/yaml/kyaml"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/testtext"
)

func TestText(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "node-csr-a_B-1", "node-csr-a_B-1"},
		{"quotes unchanged", `say "hi"`, `say "hi"`},
		{"accents unchanged", "café ü 漢", "café ü 漢"},
		{"escape sequence", "\x1b[31mred", `\x1b[31mred`},
		{"line feed", "a\nb\r", `a\nb\r`},
		{"bidi", "a\u202eb", `a\u202eb`},
		{"zero width", "a\u200bb\ufeff", `a\u200bb\ufeff`},
		{"line separator", "a\u2028b", `a\u2028b`},
		{"C1", "a\u009bb", `a\u009bb`},
		{"invalid UTF-8", "a\xffb", `a\xffb`},
		{"backslash", `a\nb`, `a\\nb`},
		{"backslash and quote", `\"`, `\\"`},
		{"tag characters", "\U000e0041", `\U000e0041`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := escape.Text(tt.in); got != tt.want {
				t.Errorf("Text(%q) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}

func FuzzSafe(f *testing.F) {
	for _, s := range []string{"a", "\x1b[2J", "\u202e\n", "\xff\xfe", `\u0001202e`, "\x01202e", "\r\b\f\t\x7f", "\U000e0041é"} {
		f.Add(s)
	}
	f.Fuzz(harmless)
}

// TestText_HostileTexts passes many texts through every encoder.
func TestText_HostileTexts(t *testing.T) {
	many := 5_000
	if os.Getenv("BOOTCTL_SOAK") != "" {
		many = 1_000_000
	}
	seen := map[string]string{}
	for n := range many {
		s := testtext.Hostile(n)
		harmless(t, s)
		text := escape.Text(s)
		if other, again := seen[text]; again && other != s {
			t.Errorf("%q and %q both become %q", s, other, text)
		}
		seen[text] = s
		if t.Failed() {
			t.Fatalf("text %d: %q", n, s)
		}
	}
}

func harmless(t *testing.T, s string) {
	t.Helper()
	noControls(t, escape.Text(s), false)
	document, err := json.Marshal(map[string]string{"v": s})
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, document, escape.JSON(document))
	noControls(t, string(escape.JSON(document)), true)
	marked := map[string]string{"v": escape.MarkYAML(s)}
	written, err := yaml.Marshal(marked)
	if err != nil {
		t.Fatal(err)
	}
	kyamlWritten, err := (&kyaml.Encoder{}).Marshal(marked)
	if err != nil {
		t.Fatal(err)
	}
	for _, converted := range [][]byte{escape.UnmarkYAML(written), escape.UnmarkYAML(kyamlWritten)} {
		noControls(t, string(converted), true)
		back, err := yaml.YAMLToJSON(converted)
		if err != nil {
			t.Fatalf("%q is not YAML: %v", converted, err)
		}
		roundTrip(t, document, back)
	}
}

func roundTrip(t *testing.T, want, got []byte) {
	t.Helper()
	var a, b map[string]string
	if err := json.Unmarshal(want, &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got, &b); err != nil {
		t.Fatal(err)
	}
	if a["v"] != b["v"] {
		t.Errorf("value read back is %q, want %q (document %q)", b["v"], a["v"], got)
	}
}

func noControls(t *testing.T, s string, lines bool) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Errorf("invalid UTF-8 in %q", s)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) && (r != '\n' || !lines) {
			t.Errorf("raw %U in %q", r, s)
		}
	}
}

// The shell reads a quoted word as the original, and unsafe words are not printed.
func TestShellQuote(t *testing.T) {
	for name, want := range map[string]string{
		"node-csr-4eJ2_x": "node-csr-4eJ2_x", "a b": "'a b'", "$(id)": "'$(id)'", "a;b": "'a;b'", "*": "'*'",
		"x';touch PWNED;'": "", `a\b`: "", "-x": "", "": "", "Ünï": "", "a\nb": "", "\x1b[31m": "",
	} {
		if got := escape.ShellQuote(name); got != want {
			t.Errorf("ShellQuote(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestShellPath_Words(t *testing.T) {
	for path, want := range map[string]string{
		"/home/me/.kube/a-b_1": "/home/me/.kube/a-b_1", "/a b": "'/a b'", "/it's": `'/it'\''s'`, "/José": "'/José'", `/a\b`: `'/a\b'`, "$(id)": "'$(id)'", "": "''",
	} {
		if got := escape.ShellPath(path); got != want {
			t.Errorf("ShellPath(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestFirstN_Counts(t *testing.T) {
	texts := []string{"a", "b", "c"}
	for n, want := range map[int]string{1: "a, and 2 more", 2: "a, b, and 1 more", 3: "a, b, c", 4: "a, b, c"} {
		if got := escape.FirstN(texts, n, ", "); got != want {
			t.Errorf("FirstN(%d) = %q, want %q", n, got, want)
		}
	}
	if texts[1] != "b" {
		t.Errorf("the texts were changed to %q", texts)
	}
}
