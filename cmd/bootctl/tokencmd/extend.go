package tokencmd

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/token"
)

type extendOptions struct{ expiry expiryOptions }

func newExtend(e *cli.Env) *cobra.Command {
	var o extendOptions
	cmd := &cobra.Command{
		Use:   "extend ID --ttl LIFETIME",
		Short: "Change the expiration of a bootstrap token",
		Long: `Change the expiration of a bootstrap token.

--ttl counts from now, not from the current expiration. An earlier expiration is
also accepted, with a warning. Nothing else of the token changes. Prints the new
expiration, or never.

An expired token can be extended only until the token cleaner deletes it,
usually within a second.

Permissions:
  get and patch on secrets in kube-system`,
		Example: `  # Let a token expire in two days
  bootctl token extend k3x9q2 --ttl 2d`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeTokens(e, 1),
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), e, args[0]) },
	}
	o.expiry.addFlags(cmd.Flags(), "")
	return cmd
}

func (o extendOptions) validate() error {
	return cmp.Or(cli.UsageIf(o.expiry == (expiryOptions{}), "use --ttl or --expires-at"), o.expiry.validate())
}

func (o extendOptions) run(ctx context.Context, e *cli.Env, arg string) error {
	if err := o.validate(); err != nil {
		return err
	}
	wanted, err := namedToken(e, arg)
	if err != nil {
		return err
	}
	expires, err := o.expiry.time(e.Now())
	if err != nil {
		return err
	}
	client, err := e.Client()
	if err != nil {
		return err
	}
	before, err := getToken(ctx, client, wanted)
	if err != nil {
		return err
	}
	after, err := token.Extend(ctx, client.Core, before, expires)
	if err != nil {
		return err
	}
	switch {
	case expires.IsZero():
		e.Warn("the token " + neverExpires)
	case before.Expires.IsZero() && !before.Expired(e.Now()) || expires.Before(before.Expires):
		e.Warn("the token expires sooner than before")
	}
	if after.Problem != "" {
		e.Warn("the token cannot be used: " + after.Problem)
	}
	object := output.Token{Meta: output.Kind("Token"), TokenInfo: cmdutil.TokenInfo(after, e.Now())}
	text := "never"
	if object.Expires != nil {
		text = object.Expires.Format(time.RFC3339)
	}
	return e.Print(cli.Result{Object: object, Names: []cli.Name{cmdutil.TokenReference(object.ID)}, Text: fmt.Sprintln(text)})
}
