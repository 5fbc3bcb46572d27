package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// choice is the value of a flag that stands alone or names one of a few words.
// Alone it means the first of them, and so does true; false means none.
type choice struct {
	value *string
	words []string
}

// AddChoice adds a flag that takes one of the words.
func AddChoice(fs *pflag.FlagSet, value *string, name, usage string, words ...string) {
	fs.Var(choice{value, words}, name, usage)
	fs.Lookup(name).NoOptDefVal = words[0]
}

func (c choice) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

func (c choice) Type() string { return strings.Join(c.words, "|") }

func (c choice) Set(text string) error {
	switch {
	case text == "true":
		*c.value = c.words[0]
	case text == "false":
		*c.value = ""
	case slices.Contains(c.words, text):
		*c.value = text
	default:
		return fmt.Errorf("it is none of %s", strings.Join(c.words, ", "))
	}
	return nil
}
