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
	fs.StringVar(&o.file, "file", "", "sign the kubeconfig in this `file` instead, and print the signature")
	fs.StringVar(&o.tokenFile, "token-file", "", "with --file: sign with the token in this `file` (- is stdin); else $"+cmdutil.TokenVariable)
	fs.BoolVar(&o.dryRun, "dry-run", false, "show what would change, and change nothing")
}

func newSign(e *cli.Env) *cobra.Command {
	var o signOptions
	cmd := &cobra.Command{
		Use:   "sign",
		Short: "Sign cluster-info anew with every live token",
		Long: `Makes the signatures of cluster-info what the bootstrap signer makes them: one of
each live signing token, none else. Where that controller does not run, or has
missed a token, this mends it, and says what it changed.

With --file nothing is sent anywhere: it signs the kubeconfig in the file with one
token and prints the signature, as it stands in jws-kubeconfig-ID.

Needs get and update on configmaps in kube-public, and list on secrets in
kube-system; with --file, nothing.`,
		Example: "  bootctl cluster-info sign\n  bootctl cluster-info sign --file cluster-info.kubeconfig --token-file token",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), e) },
	}
	o.addFlags(cmd.Flags())
	e.AddConnectionFlags(cmd)
	return cmd
}

func (o signOptions) validate() error {
	return cli.UsageIf(o.file == "" && o.tokenFile != "", "--token-file goes with --file; without, every live token signs")
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
		e.Warn("nodes will not take what is signed: " + err.Error())
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
