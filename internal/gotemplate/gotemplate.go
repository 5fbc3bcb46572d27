// Package gotemplate evaluates Go templates over JSON values.
//
// It parses with text/template/parse and evaluates the tree itself, because the
// executor of text/template looks methods up by name, for which the linker must
// keep every method of every type: ten megabytes here. JSON values have none.
// What a template prints is what text/template prints over the same values. A
// field of null is nothing rather than an error, and the functions call and js
// are missing.
package gotemplate

import (
	"errors"
	"fmt"
	"io"
	"text/template/parse"
)

// maxDepth bounds templates that invoke themselves.
const maxDepth = 100

// Check returns an error when the text is no template. What it does with data is
// not tried.
func Check(text string) error {
	_, err := parse.Parse("output", text, "", "", names())
	return err
}

// Execute prints data, made of JSON values as encoding/json decodes them,
// through the template.
func Execute(w io.Writer, text string, data any) error {
	const name = "output"
	trees, err := parse.Parse(name, text, "", "", names())
	if err != nil {
		return err
	}
	s := &state{out: w, trees: trees, vars: []variable{{"$", data}}}
	tree := trees[name]
	if tree == nil || tree.Root == nil {
		return nil
	}
	return s.walk(data, tree.Root)
}

// names tells the parser which functions there are.
func names() map[string]any {
	known := map[string]any{}
	for name := range functions() {
		known[name] = true
	}
	for _, name := range []string{"and", "or"} { // evaluated in place
		known[name] = true
	}
	return known
}

type variable struct {
	name  string
	value any
}

type state struct {
	out   io.Writer
	trees map[string]*parse.Tree
	vars  []variable
	depth int
}

// What ends the body of a range.
var (
	errBreak    = errors.New("break outside range")
	errContinue = errors.New("continue outside range")
)

// walk prints a node.
func (s *state) walk(dot any, node parse.Node) error {
	switch n := node.(type) {
	case *parse.ListNode:
		for _, child := range n.Nodes {
			if err := s.walk(dot, child); err != nil {
				return err
			}
		}
		return nil
	case *parse.TextNode:
		_, err := s.out.Write(n.Text)
		return err
	case *parse.ActionNode:
		return s.action(dot, n)
	case *parse.IfNode:
		return s.branch(dot, &n.BranchNode, false)
	case *parse.WithNode:
		return s.branch(dot, &n.BranchNode, true)
	case *parse.RangeNode:
		return s.iterate(dot, n)
	case *parse.TemplateNode:
		return s.invoke(dot, n)
	case *parse.BreakNode:
		return errBreak
	case *parse.ContinueNode:
		return errContinue
	case *parse.CommentNode:
		return nil
	}
	return fmt.Errorf("%s cannot stand here", node)
}

// action prints the value of a pipeline, unless it only sets a variable.
func (s *state) action(dot any, n *parse.ActionNode) error {
	value, err := s.pipeline(dot, n.Pipe)
	if err != nil || len(n.Pipe.Decl) > 0 {
		return err
	}
	_, err = io.WriteString(s.out, printed(value))
	return err
}

func (s *state) branch(dot any, n *parse.BranchNode, with bool) error {
	defer s.restore(len(s.vars))
	value, err := s.pipeline(dot, n.Pipe)
	if err != nil {
		return err
	}
	switch {
	case truth(value) && with:
		return s.walk(value, n.List)
	case truth(value):
		return s.walk(dot, n.List)
	case n.ElseList != nil:
		return s.walk(dot, n.ElseList)
	}
	return nil
}

func (s *state) invoke(dot any, n *parse.TemplateNode) error {
	tree := s.trees[n.Name]
	if tree == nil {
		return fmt.Errorf("there is no template %q", n.Name)
	}
	if s.depth == maxDepth {
		return fmt.Errorf("template %q is invoked over %d deep", n.Name, maxDepth)
	}
	var argument any
	if n.Pipe != nil {
		var err error
		if argument, err = s.pipeline(dot, n.Pipe); err != nil {
			return err
		}
	}
	inner := &state{out: s.out, trees: s.trees, vars: []variable{{"$", argument}}, depth: s.depth + 1}
	return inner.walk(argument, tree.Root)
}

// restore forgets the variables set since there were n.
func (s *state) restore(n int) { s.vars = s.vars[:n] }

func (s *state) set(name string, value any) error {
	for i := len(s.vars) - 1; i >= 0; i-- {
		if s.vars[i].name == name {
			s.vars[i].value = value
			return nil
		}
	}
	return fmt.Errorf("there is no variable %s", name)
}
