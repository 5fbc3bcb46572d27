package gotemplate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"text/template/parse"
)

// iterate prints the body of a range for each element.
func (s *state) iterate(dot any, n *parse.RangeNode) error {
	defer s.restore(len(s.vars))
	value, err := s.operand(dot, n.Pipe)
	if err != nil {
		return err
	}
	keys, elements, err := elementsOf(value)
	if err != nil {
		return err
	}
	if len(elements) == 0 && n.ElseList != nil {
		return s.walk(dot, n.ElseList)
	}
	for i, element := range elements {
		err := s.turn(n, keys[i], element)
		if errors.Is(err, errBreak) {
			return nil
		}
		if err != nil && !errors.Is(err, errContinue) {
			return err
		}
	}
	return nil
}

// operand evaluates the pipeline of a range without setting its variables.
func (s *state) operand(dot any, pipe *parse.PipeNode) (any, error) {
	bare := *pipe
	bare.Decl = nil
	return s.pipeline(dot, &bare)
}

// turn prints the body once, with the variables that the range declares or sets.
func (s *state) turn(n *parse.RangeNode, key, element any) error {
	defer s.restore(len(s.vars))
	values := []any{element}
	if len(n.Pipe.Decl) == 2 {
		values = []any{key, element}
	}
	for i, decl := range n.Pipe.Decl {
		if n.Pipe.IsAssign {
			if err := s.set(decl.Ident[0], values[i]); err != nil {
				return err
			}
			continue
		}
		s.vars = append(s.vars, variable{decl.Ident[0], values[i]})
	}
	return s.walk(element, n.List)
}

func elementsOf(value any) (keys, elements []any, err error) {
	switch v := value.(type) {
	case nil:
		return nil, nil, nil
	case []any:
		for i := range v {
			keys = append(keys, i)
		}
		return keys, v, nil
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			keys, elements = append(keys, key), append(elements, v[key])
		}
		return keys, elements, nil
	case int:
		for i := range max(v, 0) {
			keys, elements = append(keys, i), append(elements, i)
		}
		return keys, elements, nil
	}
	return nil, nil, fmt.Errorf("range cannot go over %v", value)
}
