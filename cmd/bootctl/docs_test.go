package main

import (
	"errors"
	"html"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
)

// pages returns the Markdown pages of the project by their path from the root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	root := filepath.Join("..", "..")
	found := map[string]string{}
	read := func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.ToSlash(name)] = string(text)
	}
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"} {
		read(filepath.Join(root, name))
	}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" {
			read(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var (
	markdownLink   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	markdownImage  = regexp.MustCompile(`!\[([^\]]*)\]\(([^)\s]+)\)`)
	svgTitle       = regexp.MustCompile(`<title>(.*)</title>`)
	markdownAnchor = regexp.MustCompile(`(?m)^#+ +(.*)$|<a id="([^"]+)">`)
	notInAnchor    = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors returns the anchors of a page, as GitHub makes them from headings.
func anchors(text string) []string {
	var found []string
	for _, match := range markdownAnchor.FindAllStringSubmatch(text, -1) {
		heading := notInAnchor.ReplaceAllString(strings.ToLower(match[1]), "")
		found = append(found, match[2], strings.ReplaceAll(heading, " ", "-"))
	}
	return found
}

// TestDocs_Links follows every link between files and pages, and wants a link to every page.
func TestDocs_Links(t *testing.T) {
	texts := pages(t)
	linked := map[string]bool{"README.md": true}
	for page, text := range texts {
		for _, match := range markdownLink.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, ":") {
				continue // a URL
			}
			path := page
			if target != "" {
				path = filepath.ToSlash(filepath.Join(filepath.Dir(page), target))
			}
			if path != page {
				linked[path] = true
			}
			if _, err := os.Stat(filepath.Join("..", "..", path)); err != nil {
				t.Errorf("%s links to %s, which does not exist", page, match[1])
			} else if anchor != "" && filepath.Ext(path) == ".md" && !slices.Contains(anchors(texts[path]), anchor) {
				t.Errorf("%s links to %s, but the page has no such anchor", page, match[1])
			}
		}
	}
	for _, page := range slices.Sorted(maps.Keys(texts)) {
		if !linked[page] {
			t.Errorf("no page links to %s", page)
		}
	}
}

// TestDocs_Pictures wants a page for every picture, with the picture's title as its
// alternative text.
func TestDocs_Pictures(t *testing.T) {
	shown := map[string]bool{}
	for page, text := range pages(t) {
		for _, match := range markdownImage.FindAllStringSubmatch(text, -1) {
			file := filepath.Join("..", "..", filepath.Dir(page), match[2])
			shown[file] = true
			picture, err := os.ReadFile(file)
			if err != nil {
				t.Errorf("%s shows %s: %v", page, match[2], err)
				continue
			}
			title := svgTitle.FindSubmatch(picture)
			if alternative := strings.Join(strings.Fields(match[1]), " "); title == nil || alternative != html.UnescapeString(string(title[1])) {
				t.Errorf("%s: the alternative text of %s is %q, want its title", page, match[2], alternative)
			}
		}
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "img", "*"))
	if err != nil || len(files) == 0 {
		t.Errorf("docs/img has no pictures (%v)", err)
	}
	for _, file := range files {
		if !shown[file] {
			t.Errorf("no page shows %s", file)
		}
	}
}

// TestDocs_ReasonCodes wants an anchor and a fix for every reason code of a command, and of
// doctor.
func TestDocs_ReasonCodes(t *testing.T) {
	page := pages(t)["docs/exit-codes.md"]
	reasons := doctorReasons(t)
	for _, f := range failure.All() {
		reasons = append(reasons, f.Reason)
	}
	for _, reason := range reasons {
		row := regexp.MustCompile(`(?m)^\| <a id="` + strings.ToLower(reason) + `"></a>` + "`" + reason + "`" + ` \| \d+ \| [^|]+ \|`)
		if !row.MatchString(page) {
			t.Errorf("docs/exit-codes.md has no anchor and fix for %s", reason)
		}
	}
}

// TestDocs_LibraryProgram compares the program in README with the program that is built in
// the test of pkg.
func TestDocs_LibraryProgram(t *testing.T) {
	program, err := os.ReadFile(filepath.Join("..", "..", "pkg", "testdata", "consumer", "join", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, code, found := strings.Cut(string(program), "package main")
	if !found || !strings.Contains(pages(t)["README.md"], "package main"+code) {
		t.Error("README.md does not have the program of pkg/testdata/consumer/join/main.go")
	}
}

var quotedCommand = regexp.MustCompile("`(?:bootctl|kubectl bootstrap) ([^`]+)`")

// TestDocs_QuotedCommands parses each command of bootctl that a page quotes in a sentence or a
// table. (The blocks of the pages are run by lab/e2e/scripts.)
func TestDocs_QuotedCommands(t *testing.T) {
	count := 0
	for name, text := range pages(t) {
		if name == "CHANGELOG.md" || strings.HasPrefix(name, "docs/cli/") {
			continue // older commands, and generated pages
		}
		for _, match := range quotedCommand.FindAllStringSubmatch(text, -1) {
			count++
			root := newRoot(&cli.Env{})
			root.InitDefaultCompletionCmd("completion")
			root.InitDefaultHelpCmd()
			found, rest, err := root.Find(shellWords(strings.ReplaceAll(match[1], "'", `"`)))
			if err == nil && found.HasSubCommands() && len(rest) > 0 {
				err = errors.New("no such command")
			}
			if err == nil {
				err = found.ParseFlags(append(rest, "VALUE")) // a page can quote a flag without its value
			}
			if err != nil {
				t.Errorf("%s quotes %s, which is wrong: %v", name, match[0], err)
			}
		}
	}
	if count < 100 {
		t.Errorf("only %d commands were found", count)
	}
}
