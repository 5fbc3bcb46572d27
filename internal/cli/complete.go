package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/safe"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/token"
)

// soon is how long someone who pressed the tab key is kept waiting.
const soon = 3 * time.Second

// completeWith sets what is offered for a flag.
func completeWith(cmd *cobra.Command, flag string, offer cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, offer); err != nil {
		panic(err) // there is no such flag
	}
}

// complete offers these values of a flag, and after a comma, where it takes a list,
// those that are not yet in it.
func complete(cmd *cobra.Command, flag string, values ...string) {
	isList := strings.HasSuffix(cmd.Flag(flag).Value.Type(), "Slice")
	completeWith(cmd, flag, func(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var before string
		if comma := strings.LastIndex(begun, ","); isList && comma >= 0 {
			before = begun[:comma+1]
		}
		var found []cobra.Completion
		for _, value := range values {
			if !slices.Contains(strings.Split(before, ","), value) {
				found = append(found, before+value)
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	})
}

// completeFormats offers the output formats.
func completeFormats(root *cobra.Command) {
	completeWith(root, "output", func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		own := strings.Fields(cmd.Annotations[formatsAnnotation])
		return slices.Concat(own, tableFormats, kubectlFormats), cobra.ShellCompDirectiveNoFileComp
	})
}

// completeTokenIDs offers the IDs of the cluster's tokens, each with what its
// description says.
func (e *env) completeTokenIDs() cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return e.tokenIDs(cmd, given)
	}
}

func (e *env) tokenIDs(cmd *cobra.Command, given []string) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), soon)
	defer cancel()
	if len(given) > 0 && cmd.Args != nil && cmd.Args(cmd, append(given, "")) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	client, err := e.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	infos, err := token.List(ctx, client.Core)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var found []cobra.Completion
	for _, info := range infos {
		if info.ID != "" && !slices.Contains(given, info.ID) {
			item := tokenInfo(info, e.now())
			found = append(found, cobra.CompletionWithDesc(info.ID, safe.Text(cmp.Or(info.Description, item.Status))))
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// completeRequests offers the names of requests, each with its subject, up to so
// many of them on one command line.
func (e *env) completeRequests(most int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(given) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return e.completeOfRequests(cmd, csr.Filter{}, func(r csr.Request) (string, string) {
			if slices.Contains(given, r.Name) {
				return "", ""
			}
			return r.Name, strings.Join(r.Conditions, ",") + " " + r.Subject()
		})
	}
}

// completeNodes offers the names of nodes that have a pending request.
func (e *env) completeNodes() cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return e.completeOfRequests(cmd, csr.Filter{Condition: csr.Pending}, func(r csr.Request) (string, string) {
			return r.NodeName(), r.Name
		})
	}
}

// completeOfRequests offers a word of each request, unless a shell would not take
// it for one.
func (e *env) completeOfRequests(cmd *cobra.Command, filter csr.Filter, word func(csr.Request) (word, description string)) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), soon)
	defer cancel()
	client, err := e.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var found []cobra.Completion
	_ = csr.List(ctx, client.Certificates, filter, func(r csr.Request) error { // what was read is offered
		if text, description := word(r); text != "" && safe.Word(text) == text {
			found = append(found, cobra.CompletionWithDesc(text, safe.Text(description)))
		}
		return nil
	})
	return found, cobra.ShellCompDirectiveNoFileComp
}
