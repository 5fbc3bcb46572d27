package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/pkg/token"
)

type tokenDeleteOptions struct {
	ignoreNotFound bool
}

func (o *tokenDeleteOptions) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&o.ignoreNotFound, "ignore-not-found", false, "count a token that is not there as deleted")
}

func newTokenDelete(e *env) *cobra.Command {
	var o tokenDeleteOptions
	cmd := &cobra.Command{
		Use:   "delete ID...",
		Short: "Delete bootstrap tokens",
		Long: `Deletes tokens by their IDs, at once and for good. All are tried, whatever becomes
of the others. Requests that were already made with a token stay; see csr list.

Needs delete on secrets in kube-system.`,
		Example: "  bootctl token delete k3x9q2",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return runTokenDelete(cmd.Context(), e, o, ids)
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func runTokenDelete(ctx context.Context, e *env, o tokenDeleteOptions, ids []string) error {
	for _, id := range ids {
		if _, err := token.ParseID(id); err != nil {
			return err
		}
	}
	client, err := e.client()
	if err != nil {
		return err
	}
	return e.bulk(ids, "deleted", func(id string) error {
		err := token.Delete(ctx, client.Core, id)
		if o.ignoreNotFound && errors.Is(err, token.ErrNotFound) {
			return nil
		}
		return err
	})
}
