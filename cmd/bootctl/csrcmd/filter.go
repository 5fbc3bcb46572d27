package csrcmd

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/pkg/csr"
)

// csrFilterOptions say which requests are meant, where they are not named.
type csrFilterOptions struct {
	pending        bool
	signer         string
	requester      string
	requesterGroup string
	node           string
	olderThan      string
}

func (o *csrFilterOptions) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&o.pending, "pending", false, "only requests that nobody has decided on")
	fs.StringVar(&o.signer, "signer", "", "only requests for this `signer`, such as "+csr.KubeletServing)
	fs.StringVar(&o.requester, "requester", "", "only requests of this `user`, such as system:bootstrap:abcdef")
	fs.StringVar(&o.requesterGroup, "requester-group", "", "only requests of a user in this `group`")
	fs.StringVar(&o.node, "node", "", "only requests for the node of this `name`")
	fs.StringVar(&o.olderThan, "older-than", "", "only requests of at least this `age`, such as 10m or 2d")
}

// completeFilter offers the values of the filters.
func completeFilter(e *cli.Env, cmd *cobra.Command) {
	cli.CompleteWith(cmd, "node", completeNodes(e))
	cli.CompleteValues(cmd, "signer", csr.KubeletClient, csr.KubeletServing, csr.APIServerClient)
}

func (o csrFilterOptions) validate() error {
	if o.node == "" {
		return nil
	}
	return csr.ValidateNodeName(o.node)
}

// filter returns the filter for the CSRs that the flags select.
func (o csrFilterOptions) filter(now time.Time) (csr.Filter, error) {
	filter := csr.Filter{SignerName: o.signer, Requester: o.requester, RequesterGroup: o.requesterGroup, Node: o.node}
	if o.pending {
		filter.Condition = csr.Pending
	}
	if o.olderThan != "" {
		age, err := cli.ParseDuration("--older-than", o.olderThan)
		if err != nil {
			return csr.Filter{}, err
		}
		filter.Before = now.Add(-age)
	}
	return filter, nil
}

// completeRequests offers the names of requests, each with its subject, up to so
// many of them on one command line.
func completeRequests(e *cli.Env, most int) cobra.CompletionFunc {
	names := complete(e, csr.Filter{}, func(r csr.Request) (string, string) {
		return r.Name, strings.Join(r.Conditions, ",") + " " + r.Subject()
	})
	return func(cmd *cobra.Command, given []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(given) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return names(cmd, given, begun)
	}
}

// completeNodes offers the names of nodes that have a pending request.
func completeNodes(e *cli.Env) cobra.CompletionFunc {
	return complete(e, csr.Filter{Condition: csr.Pending}, func(r csr.Request) (string, string) { return r.NodeName(), r.Name })
}

// complete offers a word of each request, unless it was given before or a shell would
// not take it for one.
func complete(e *cli.Env, filter csr.Filter, word func(csr.Request) (word, description string)) cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, _ string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), cli.CompletionTimeout)
		defer cancel()
		if client, err := e.Client(); err == nil {
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
