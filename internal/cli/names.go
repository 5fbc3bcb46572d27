package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Name is the name of an object in the two forms in which it is printed.
type Name struct {
	schema.GroupKind        // empty if it is not an object of the cluster
	Name             string // the object's name, as in kubectl
	Bare             string // what -q prints; empty if nothing
}

// full returns TYPE/NAME as kubectl prints it, or the bare name if it is not an object of
// the cluster.
func (n Name) full() string {
	if n.Empty() {
		return n.Bare
	}
	return strings.ToLower(n.String()) + "/" + n.Name
}

// Resource is a type of Kubernetes objects whose names commands accept.
type Resource struct {
	schema.GroupKind
	Plural string
	Short  string // the short name, empty if there is none
}

// Argument returns the name in an argument: NAME, or TYPE/NAME as kubectl prints it.
func (r Resource) Argument(text string) (string, error) {
	kind, name, typed := strings.Cut(text, "/")
	switch {
	case !typed:
		return text, nil
	case !slices.Contains(r.words(), kind):
		return "", failure.Usagef("%q has the type %q, but the command accepts %s/NAME", text, kind, strings.ToLower(r.Kind))
	}
	return name, nil
}

// words returns the names of the type in kubectl.
func (r Resource) words() []string {
	words := []string{strings.ToLower(r.Kind), r.Plural}
	if r.Group != "" {
		for _, word := range words[:2] {
			words = append(words, word+"."+r.Group, word+".v1."+r.Group)
		}
	}
	if r.Short != "" {
		words = append(words, r.Short)
	}
	return words
}

// Reference returns the name of an object of the type.
func (r Resource) Reference(name string) Name { return Name{r.GroupKind, name, name} }

// completionTimeout limits how long a completion takes.
const completionTimeout = 3 * time.Second

// CompleteNames completes names of objects in the cluster, which list passes on with a
// description. It offers at most the given number for a command line, each once, and no
// name that needs quotes in a shell.
func (e *Env) CompleteNames(most int, list func(context.Context, *kubeclient.Client, func(name, description string))) cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, _ string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
		defer cancel()
		if client, err := e.Client(); err == nil && len(given) < most {
			list(ctx, client, func(name, description string) {
				if name != "" && !slices.Contains(given, name) && escape.ShellQuote(name) == name {
					found = append(found, cobra.CompletionWithDesc(name, escape.Text(description)))
				}
			})
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}
