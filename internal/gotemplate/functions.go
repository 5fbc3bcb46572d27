package gotemplate

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"net/url"
	"reflect"
	"strings"
)

var errArguments = errors.New("wrong number or type of arguments")

// functions are text/template's, and kubectl's exists and base64decode.
func functions() map[string]func([]any) (any, error) {
	return map[string]func([]any) (any, error){
		"not":          one(func(v any) (any, error) { return !truth(v), nil }),
		"len":          one(length),
		"index":        index,
		"slice":        slice,
		"exists":       exists,
		"base64decode": one(base64decode),
		"print":        func(args []any) (any, error) { return fmt.Sprint(args...), nil },
		"println":      func(args []any) (any, error) { return fmt.Sprintln(args...), nil },
		"printf":       printf,
		"html":         func(args []any) (any, error) { return escapeHTML(fmt.Sprint(args...)), nil },
		"urlquery":     func(args []any) (any, error) { return url.QueryEscape(fmt.Sprint(args...)), nil },
		"eq":           equalsAny,
		"ne":           two(func(a, b any) (any, error) { equal, err := equals(a, b); return !equal, err }),
		"lt":           two(ordered(func(c int) bool { return c < 0 })),
		"le":           two(ordered(func(c int) bool { return c <= 0 })),
		"gt":           two(ordered(func(c int) bool { return c > 0 })),
		"ge":           two(ordered(func(c int) bool { return c >= 0 })),
	}
}

func one(f func(any) (any, error)) func([]any) (any, error) {
	return func(args []any) (any, error) {
		if len(args) != 1 {
			return nil, errArguments
		}
		return f(args[0])
	}
}

func two(f func(a, b any) (any, error)) func([]any) (any, error) {
	return func(args []any) (any, error) {
		if len(args) != 2 {
			return nil, errArguments
		}
		return f(args[0], args[1])
	}
}

func length(value any) (any, error) {
	switch v := value.(type) {
	case string:
		return len(v), nil
	case []any:
		return len(v), nil
	case map[string]any:
		return len(v), nil
	}
	return nil, errArguments
}

// index follows keys and positions through a value.
func index(args []any) (any, error) {
	if len(args) == 0 {
		return nil, errArguments
	}
	value := args[0]
	for _, key := range args[1:] {
		name, isName := key.(string)
		at, isPosition := asInt(key)
		switch v := value.(type) {
		case map[string]any:
			if !isName {
				return nil, errArguments
			}
			value = v[name]
		case []any:
			if !isPosition || at < 0 || at >= len(v) {
				return nil, fmt.Errorf("there is no position %v", key)
			}
			value = v[at]
		case string:
			if !isPosition || at < 0 || at >= len(v) {
				return nil, fmt.Errorf("there is no position %v", key)
			}
			value = int(v[at])
		default:
			return nil, errArguments
		}
	}
	return value, nil
}

// exists says whether index would find something.
func exists(args []any) (any, error) {
	value, err := index(args)
	return err == nil && value != nil, nil
}

func slice(args []any) (any, error) {
	if len(args) == 0 || len(args) > 3 {
		return nil, errArguments
	}
	size, err := length(args[0])
	if err != nil {
		return nil, err
	}
	bounds := []int{0, size.(int)} // length returns an int
	for i, arg := range args[1:] {
		at, ok := asInt(arg)
		if !ok || at < 0 || at > bounds[1] {
			return nil, fmt.Errorf("there is no position %v", arg)
		}
		bounds[i] = at
	}
	if bounds[0] > bounds[1] {
		return nil, errArguments
	}
	switch v := args[0].(type) {
	case string:
		return v[bounds[0]:bounds[1]], nil
	case []any:
		return v[bounds[0]:bounds[1]], nil
	}
	return nil, errArguments
}

func base64decode(value any) (any, error) {
	text, ok := value.(string)
	if !ok {
		return nil, errArguments
	}
	decoded, err := base64.StdEncoding.DecodeString(text)
	return string(decoded), err
}

func printf(args []any) (any, error) {
	if len(args) == 0 {
		return nil, errArguments
	}
	format, ok := args[0].(string)
	if !ok {
		return nil, errArguments
	}
	return fmt.Sprintf(format, args[1:]...), nil
}

func escapeHTML(s string) string {
	return strings.ReplaceAll(html.EscapeString(s), "\x00", "\uFFFD")
}

// equalsAny says whether the first argument equals one of the others.
func equalsAny(args []any) (any, error) {
	if len(args) < 2 {
		return nil, errArguments
	}
	for _, other := range args[1:] {
		if equal, err := equals(args[0], other); equal || err != nil {
			return equal, err
		}
	}
	return false, nil
}

func equals(a, b any) (bool, error) {
	if a == nil || b == nil {
		return a == b, nil
	}
	if reflect.TypeOf(a) != reflect.TypeOf(b) || !reflect.TypeOf(a).Comparable() {
		return false, fmt.Errorf("%v and %v cannot be compared", a, b)
	}
	return a == b, nil
}

func ordered(wanted func(int) bool) func(a, b any) (any, error) {
	return func(a, b any) (any, error) {
		switch x := a.(type) {
		case string:
			if y, ok := b.(string); ok {
				return wanted(strings.Compare(x, y)), nil
			}
		case float64:
			if y, ok := b.(float64); ok {
				return wanted(cmp.Compare(x, y)), nil
			}
		}
		x, isInt := asInt(a)
		y, areInts := asInt(b)
		if !isInt || !areInts {
			return nil, fmt.Errorf("%v and %v cannot be compared", a, b)
		}
		return wanted(cmp.Compare(x, y)), nil
	}
}

func asInt(value any) (int, bool) {
	switch v := value.(type) {
	case int:
		return v, true
	case int64:
		return int(v), true
	}
	return 0, false
}
