package scripts

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/lab/labtest"
)

// block is a fenced block of a page, below a heading.
type block struct {
	heading, lang, text string
	commands            []command // empty if the block cannot be run
	ran                 bool
}

// command is a command on a page, with its output if the page shows one.
type command struct {
	text   string
	shown  bool
	output string
}

// page is a page and its commands and outputs, in their order.
type page struct {
	name, text string
	blocks     []*block
}

// below returns the blocks below a heading, which has n.
func (p *page) below(t *testing.T, heading string, n int) []*block {
	t.Helper()
	found := slices.DeleteFunc(slices.Clone(p.blocks), func(b *block) bool { return b.heading != heading })
	if len(found) != n {
		t.Fatalf("%s has %d blocks below %q, and the test is for %d", p.name, len(found), heading, n)
	}
	return found
}

// notCommands are the languages of blocks that are neither commands nor outputs: drawings,
// programs and files.
var notCommands = []string{"mermaid", "go", "yaml"}

var fence = regexp.MustCompile("^ *```([a-z]*)$")

// readPage reads a page of the repository.
func readPage(t *testing.T, name string) *page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(labtest.Root(t), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	p := &page{name: name, text: string(text)}
	heading := ""
	var open *block
	for line := range strings.Lines(p.text) {
		switch match := fence.FindStringSubmatch(strings.TrimSuffix(line, "\n")); {
		case match != nil && open == nil:
			open = &block{heading: heading, lang: match[1]}
		case match != nil:
			if !slices.Contains(notCommands, open.lang) {
				p.add(open)
			}
			open = nil
		case open != nil:
			open.text += line
		case strings.HasPrefix(line, "## "):
			heading = strings.TrimSpace(line[3:])
		}
	}
	if open != nil {
		t.Fatalf("%s: the last block does not end", name)
	}
	return p
}

// add adds a block. A console block without a prompt is the output of the sh block before it.
func (p *page) add(b *block) {
	if b.lang == "console" {
		b.commands = splitConsole(b.text)
	} else if interpreters[b.lang] != nil {
		b.commands = []command{{text: b.text}}
	}
	if n := len(p.blocks); n > 0 && b.lang == "console" && b.commands == nil && !strings.HasPrefix(b.text, "# ") {
		if last := p.blocks[n-1]; last.heading == b.heading && last.lang == "sh" && !last.commands[0].shown {
			last.commands[0].shown, last.commands[0].output = true, b.text
			return
		}
	}
	p.blocks = append(p.blocks, b)
}

var prompt = regexp.MustCompile(`^[a-z0-9-]*\$ `)

// splitConsole returns the commands of a console block, each with its output: nothing, if the
// next line is another command.
func splitConsole(text string) (commands []command) {
	for line := range strings.Lines(text) {
		begin := prompt.FindString(line)
		switch {
		case begin != "":
			commands = append(commands, command{text: line[len(begin):], shown: true})
		case len(commands) > 0:
			commands[len(commands)-1].output += line
		default:
			return nil
		}
	}
	return commands
}

var space = strings.NewReplacer("\t", " ")

// normalize joins wrapped lines and removes the padding of columns, because both depend on
// the length of names and addresses.
func normalize(output string) string {
	var lines []string
	for line := range strings.Lines(space.Replace(strings.TrimSpace(output))) {
		words := strings.Join(strings.Fields(line), " ")
		if strings.HasPrefix(line, " ") && len(lines) > 0 {
			lines[len(lines)-1] += " " + words
		} else {
			lines = append(lines, words)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// firstDifference returns the first line that a page shows and a command did not print, or
// "" if the output is as shown: "..." is any number of lines, and "…" is any text in a line.
func firstDifference(shown, output string) string {
	pattern, output := "^", normalize(output)
	for line := range strings.Lines(normalize(shown)) {
		if line == "...\n" {
			pattern += `(?:.*\n)*?`
			continue
		}
		pattern += strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*")
		if !regexp.MustCompile(pattern).MatchString(output) {
			return line
		}
	}
	if !regexp.MustCompile(pattern + "$").MatchString(output) {
		return "the end of the output"
	}
	return ""
}

// TestFirstDifference checks that a wrong output is found: these outputs differ from the
// passing ones in one word.
func TestFirstDifference(t *testing.T) {
	const output = "OK    server: v1 at\n      https://a\nOK    clock: right\nFAIL  signer: 964rpg\n\n2 ok, 1 failure\n"
	tests := []struct{ name, shown, want string }{
		{"whole output", output, ""},
		{"another width", "OK server: v1\n  at https://a\nOK    clock:    right\nFAIL  signer: 964rpg\n\n2 ok, 1 failure\n", ""},
		{"wildcards", "...\nFAIL signer: …\n...\n2 ok, …\n", ""},
		{"all lines", "...\n", ""},
		{"another word", "...\nFAIL signer: abcdef\n...\n", "FAIL signer: abcdef\n"},
		{"another order", "...\nFAIL signer: …\n...\nOK clock: right\n...\n", "OK clock: right\n"},
		{"a line without wildcard between", "...\nFAIL signer: …\n2 ok, 1 failure\n", "2 ok, 1 failure\n"},
		{"more output than shown", "...\nFAIL signer: …\n", "the end of the output"},
		{"no output shown", "", "\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := firstDifference(test.shown, output); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
