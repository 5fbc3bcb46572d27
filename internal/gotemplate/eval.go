package gotemplate

import (
	"fmt"
	"text/template/parse"
)

// pipeline evaluates commands, each with the value of the one before as its
// last argument, and sets the variables that the pipeline declares or assigns.
func (s *state) pipeline(dot any, pipe *parse.PipeNode) (any, error) {
	var value any
	for i, cmd := range pipe.Cmds {
		var final []any
		if i > 0 {
			final = []any{value}
		}
		var err error
		if value, err = s.command(dot, cmd, final); err != nil {
			return nil, err
		}
	}
	for _, decl := range pipe.Decl {
		if !pipe.IsAssign {
			s.vars = append(s.vars, variable{decl.Ident[0], value})
		} else if err := s.set(decl.Ident[0], value); err != nil {
			return nil, err
		}
	}
	return value, nil
}

// command evaluates a function with its arguments, or a single operand.
func (s *state) command(dot any, cmd *parse.CommandNode, final []any) (any, error) {
	if name, ok := cmd.Args[0].(*parse.IdentifierNode); ok {
		return s.function(dot, name.Ident, cmd.Args[1:], final)
	}
	if len(cmd.Args) > 1 || len(final) > 0 {
		return nil, fmt.Errorf("%s is not a function and takes no argument", cmd.Args[0])
	}
	if _, isNil := cmd.Args[0].(*parse.NilNode); isNil {
		return nil, fmt.Errorf("nil is not a command")
	}
	return s.value(dot, cmd.Args[0])
}

func (s *state) function(dot any, name string, args []parse.Node, final []any) (any, error) {
	if name == "and" || name == "or" {
		return s.shortCircuit(dot, name == "or", args, final)
	}
	var values []any
	for _, arg := range args {
		value, err := s.value(dot, arg)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	value, err := functions()[name](append(values, final...))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return value, nil
}

// shortCircuit returns the first argument whose truth is the wanted one, else
// the last, and evaluates no further.
func (s *state) shortCircuit(dot any, wanted bool, args []parse.Node, final []any) (any, error) {
	if len(args)+len(final) == 0 {
		return nil, fmt.Errorf("and and or need an argument")
	}
	var value any
	for _, arg := range args {
		var err error
		if value, err = s.value(dot, arg); err != nil || truth(value) == wanted {
			return value, err
		}
	}
	if len(final) > 0 {
		value = final[0]
	}
	return value, nil
}

// value evaluates an operand.
func (s *state) value(dot any, node parse.Node) (any, error) {
	switch n := node.(type) {
	case *parse.DotNode:
		return dot, nil
	case *parse.NilNode:
		return nil, nil
	case *parse.BoolNode:
		return n.True, nil
	case *parse.StringNode:
		return n.Text, nil
	case *parse.NumberNode:
		return number(n)
	case *parse.FieldNode:
		return fields(dot, n.Ident)
	case *parse.VariableNode:
		return s.variable(n.Ident)
	case *parse.ChainNode:
		value, err := s.value(dot, n.Node)
		if err != nil {
			return nil, err
		}
		return fields(value, n.Field)
	case *parse.PipeNode:
		return s.pipeline(dot, n)
	case *parse.IdentifierNode:
		return s.function(dot, n.Ident, nil, nil)
	}
	return nil, fmt.Errorf("%s is not a value", node)
}

func (s *state) variable(ident []string) (any, error) {
	for i := len(s.vars) - 1; i >= 0; i-- {
		if s.vars[i].name == ident[0] {
			return fields(s.vars[i].value, ident[1:])
		}
	}
	return nil, fmt.Errorf("there is no variable %s", ident[0])
}

func number(n *parse.NumberNode) (any, error) {
	switch {
	case n.IsInt:
		return int(n.Int64), nil
	case n.IsFloat:
		return n.Float64, nil
	}
	return nil, fmt.Errorf("%s is too large or not real", n.Text)
}

// fields follows names through objects. What is missing is nil, and so is what
// a nil has.
func fields(value any, names []string) (any, error) {
	for _, name := range names {
		switch v := value.(type) {
		case nil:
			return nil, nil
		case map[string]any:
			value = v[name]
		default:
			return nil, fmt.Errorf("%v has no field %s", value, name)
		}
	}
	return value, nil
}

// truth says whether a value counts as true: not zero and not empty.
func truth(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case int:
		return v != 0
	case int64:
		return v != 0
	case float64:
		return v != 0
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

// printed returns what an action prints of a value.
func printed(value any) string {
	if value == nil {
		return "<no value>"
	}
	return fmt.Sprint(value)
}
