// Package words checks the language of everything that people read: pages, help,
// messages, schemas and comments. It finds words that make a reader stop, and words that
// the output contract has replaced.
package words

import (
	"fmt"
	"go/scanner"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
)

// Word is a word or phrase that is not used.
type Word struct {
	// Pattern is a regular expression, matched without regard to case unless Exact is set.
	Pattern string
	Exact   bool
	// Instead is what to write.
	Instead string
	// Planted is a sentence in which the pattern is found.
	Planted string
}

// Finding is a use of a word.
type Finding struct {
	Line int
	Text string
	Word Word
}

func (f Finding) String() string {
	return fmt.Sprintf("%d: %q: write %s", f.Line, f.Text, f.Word.Instead)
}

// Find returns the uses of the words in the prose of a file. In Go files the prose is the
// comments and string literals; in other files it is everything except blocks of code
// whose language is a program's.
func Find(name string, content []byte) []Finding {
	var findings []Finding
	for _, p := range prose(name, content) {
		for _, w := range compiled {
			for _, at := range w.expr.FindAllStringIndex(p.text, -1) {
				line := p.line + strings.Count(p.text[:at[0]], "\n")
				findings = append(findings, Finding{Line: line, Text: p.text[at[0]:at[1]], Word: w.Word})
			}
		}
	}
	return findings
}

// passage is a piece of prose and the line on which it begins.
type passage struct {
	line int
	text string
}

func prose(name string, content []byte) []passage {
	if filepath.Ext(name) != ".go" {
		return []passage{{1, string(content)}}
	}
	var passages []passage
	files := token.NewFileSet()
	file := files.AddFile(name, -1, len(content))
	var s scanner.Scanner
	s.Init(file, content, nil, scanner.ScanComments)
	for {
		pos, kind, text := s.Scan()
		switch kind {
		case token.EOF:
			return passages
		case token.COMMENT, token.STRING:
			passages = append(passages, passage{files.Position(pos).Line, joinLines(text)})
		}
	}
}

// joinLines removes the markers of comment lines, so that a phrase can be found across
// two lines, and keeps the number of lines.
func joinLines(comment string) string {
	return strings.ReplaceAll(comment, "\n// ", "\n")
}

type compiledWord struct {
	Word
	expr *regexp.Regexp
}

var compiled = compile(append(language, contract...))

func compile(words []Word) []compiledWord {
	var out []compiledWord
	for _, w := range words {
		pattern := strings.ReplaceAll(w.Pattern, " ", `\s+`)
		if !w.Exact {
			pattern = "(?i)" + pattern
		}
		out = append(out, compiledWord{w, regexp.MustCompile(pattern)})
	}
	return out
}
