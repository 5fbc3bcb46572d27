package csrcmd

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/pkg/csr"
)

// completeFilter offers the values of the filters.
func completeFilter(e *cli.Env, cmd *cobra.Command) {
	cli.CompleteWith(cmd, "node", completeNodes(e))
	cli.CompleteValues(cmd, "signer", csr.KubeletClient, csr.KubeletServing, csr.APIServerClient)
}

// completeRequests offers the names of requests, each with its subject, up to so
// many of them on one command line.
func completeRequests(e *cli.Env, most int) cobra.CompletionFunc {
	return complete(e, most, csr.Filter{}, func(r csr.Request) (string, string) {
		return r.Name, strings.Join(r.Conditions, ",") + " " + r.Subject()
	})
}

// completeNodes offers the names of nodes that have a pending request.
func completeNodes(e *cli.Env) cobra.CompletionFunc {
	return complete(e, math.MaxInt, csr.Filter{Condition: csr.Pending}, func(r csr.Request) (string, string) { return r.NodeName(), r.Name })
}

// complete offers a word of each request, unless so many were given before, it was one
// of them, or a shell would not take it for one.
func complete(e *cli.Env, most int, filter csr.Filter, word func(csr.Request) (word, description string)) cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, _ string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), cli.CompletionTimeout)
		defer cancel()
		if client, err := e.Client(); err == nil && len(given) < most {
			_ = csr.List(ctx, client.Certificates, filter, func(r csr.Request) error { // what was read is offered
				if text, description := word(r); text != "" && !slices.Contains(given, text) && escape.ShellQuote(text) == text {
					found = append(found, cobra.CompletionWithDesc(text, escape.Text(description)))
				}
				return nil
			})
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}
