package clusterinfocmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

type signOptions struct {
	file, tokenFile string
	dryRun          bool
}

func (o *signOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.file, "file", "", "sign the kubeconfig in `file` instead, and print the signature")
	fs.StringVar(&o.tokenFile, "token-file", "", "with --file, bootstrap token `file` (- for stdin). Defaults to $"+cmdutil.TokenVariable)
	fs.BoolVar(&o.dryRun, "dry-run", false, "print what would change, without changing it")
}

func newSign(e *cli.Env) *cobra.Command {
	var o signOptions
	cmd := &cobra.Command{
		Use:   "sign",
		Short: "Sign cluster-info with every valid token",
		Long: `Sign cluster-info with every valid token.

Signs cluster-info with every valid signing token and removes other signatures,
as the bootstrapsigner controller does. Use it if that controller is not running
or has missed a token. Prints what changed.

With --file, signs the kubeconfig in the file with one token and prints the
signature, as in the key jws-kubeconfig-ID of cluster-info, without contacting a
server.

Permissions:
  get and update on the configmap cluster-info in kube-public
  list on secrets in kube-system
With --file, no permissions are needed.`,
		Example: `  # Sign cluster-info in place of the bootstrapsigner controller
  bootctl cluster-info sign

  # Sign a file, without a cluster
  bootctl cluster-info sign --file cluster-info.kubeconfig --token-file token`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e) },
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	return cmd
}

func (o signOptions) validate() error {
	return cli.UsageIf(o.file == "" && o.tokenFile != "", "--token-file requires --file; without --file, every valid token signs")
}

func (o signOptions) run(ctx context.Context, e *cli.Env) error {
	if err := o.validate(); err != nil {
		return err
	}
	if o.file != "" {
		return o.runOnFile(e)
	}
	client, err := e.Client()
	if err != nil {
		return err
	}
	change, err := clusterinfo.Writer{Client: client.Core, Now: e.Now, PlanOnly: o.dryRun}.Sign(ctx)
	if err != nil {
		return err
	}
	if _, err := clusterinfo.ParseDocument(change.After); err != nil {
		e.Warn("nodes will reject the signed cluster-info: " + err.Error())
	}
	return printChange(e, change)
}

// runOnFile signs a file with one token.
func (o signOptions) runOnFile(e *cli.Env) error {
	info, err := readFile(e, o.file)
	if err != nil {
		return err
	}
	if _, err := clusterinfo.ParseDocument(info.Raw); err != nil {
		return fmt.Errorf("%s: %w", o.file, err)
	}
	tok, err := cmdutil.NodeToken(e, o.tokenFile, "")
	if err != nil {
		return err
	}
	object := output.ClusterInfoSignature{Meta: output.Kind("ClusterInfoSignature"), TokenID: tok.ID(), Signature: clusterinfo.Sign(info.Raw, tok)}
	return e.Print(cli.Result{Object: object, Names: []cli.Name{cmdutil.TokenReference(object.TokenID)}, Text: object.Signature + "\n"})
}

// readFile reads a file that holds cluster-info or its kubeconfig.
func readFile(e *cli.Env, file string) (clusterinfo.Info, error) {
	text, err := e.ReadFile(file, cli.MaxFile)
	if err != nil {
		return clusterinfo.Info{}, err
	}
	info, err := clusterinfo.ParseFile(text)
	if err != nil {
		return info, fmt.Errorf("%s: %w", file, err)
	}
	return info, nil
}
