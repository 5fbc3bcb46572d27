package csrcmd

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/csr"
)

type listOptions struct{ filterOptions }

func newList(e *cli.Env) *cobra.Command {
	var o listOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List CSRs",
		Long: `List CSRs.

Pending CSRs are listed first, then the newest. Filters are combined with AND.
-o wide adds the key fingerprint, and the reason and message of a denial or
failure.

Permissions:
  list on certificatesigningrequests`,
		Example: `  # List the CSRs that wait for a decision
  bootctl csr list --pending

  # List the CSRs created with bootstrap tokens at least 10 minutes ago
  bootctl csr list --requester-group system:bootstrappers --older-than 10m`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e) },
	}
	o.addFlags(cmd.Flags())
	completeFilter(e, cmd)
	return cmd
}

func (o listOptions) run(ctx context.Context, e *cli.Env) error {
	filter, err := o.filter(e.Now())
	if err != nil {
		return err
	}
	client, err := e.Client()
	if err != nil {
		return err
	}
	list := output.CSRList{Meta: output.Kind("CSRList"), Items: []output.CSR{}}
	err = csr.List(ctx, client.Certificates, filter, func(r csr.Request) error {
		list.Items = append(list.Items, csrOutput(r))
		return nil
	})
	if err != nil {
		return err
	}
	pending := func(item output.CSR) int { return slices.Index(item.Conditions, csr.Pending) }
	slices.SortStableFunc(list.Items, func(a, b output.CSR) int {
		return cmp.Or(pending(b)-pending(a), b.Created.Compare(a.Created))
	})
	v := cli.Result{
		Object: list,
		Header: []string{"NAME", "AGE", "SIGNER", "REQUESTER", "SUBJECT", "SANS", "KEY", "CONDITION"},
		Wide:   []string{"UID", "FINGERPRINT", "USAGES", "GROUPS", "REASON", "MESSAGE"},
	}
	for _, item := range list.Items {
		v.Names = append(v.Names, cmdutil.CSRResource.Reference(item.Name))
		if e.Global.PrintsTable() {
			v.Rows = append(v.Rows, csrRow(e, item))
		}
	}
	return e.Print(v)
}

// csrRow returns the cells of a CSR. The cells of -o wide need most of the memory, so they
// are only filled if they are printed.
func csrRow(e *cli.Env, item output.CSR) []string {
	cells := []string{
		item.Name, cli.HumanDuration(e.Now().Sub(item.Created)), item.Signer, item.Requester, cmp.Or(item.Problem, item.Subject),
		strings.Join(item.SANs, ","), item.Key, strings.Join(item.Conditions, ","),
	}
	if e.Global.Output != "wide" {
		return cells
	}
	return slices.Concat(cells, []string{
		item.UID, item.Fingerprint, strings.Join(item.Usages, ","), strings.Join(item.Groups, ","), item.Reason, item.Message,
	})
}
