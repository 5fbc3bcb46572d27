package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validate/content"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/pkg/csr"
)

type csrApproveOptions struct {
	uid string
}

func (o *csrApproveOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.uid, "uid", "", "approve only the request of this `UID`, whatever bears the name now")
}

func newCSRApprove(e *env) *cobra.Command {
	var o csrApproveOptions
	cmd := &cobra.Command{
		Use:   "approve NAME...",
		Short: "Approve certificate signing requests that a kubelet may make",
		Long: `Approves requests by name, after judging each by the rules for the client
certificate of a node: the signer, a subject of one node with a valid name, no
alternative names, the usages, a strong key, a bootstrap token or the node itself
as requester, and no Node of that name yet unless the node renews. Others are
refused with exit code 5, and nothing is changed for them.

What is approved is the very object that was judged: its UID goes with the
approval. All names are tried, whatever becomes of the others.

Needs get on certificatesigningrequests and nodes, update on
certificatesigningrequests/approval, and approve on the signer.`,
		Example: "  bootctl csr approve node-csr-4eJ2 --uid 0e5c3f6a-6d0f-4f7e-9a53-0c7a3d1b2f10",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			return runCSRApprove(cmd.Context(), e, o, names)
		},
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func runCSRApprove(ctx context.Context, e *env, o csrApproveOptions, names []string) error {
	if o.uid != "" && len(names) > 1 {
		return fmt.Errorf("%w: --uid is of one request, and %d were named", errInput, len(names))
	}
	for _, name := range names {
		if problems := content.IsPathSegmentName(name); name == "" || len(problems) > 0 {
			return fmt.Errorf("%w: %q is not the name of a request", errInput, name)
		}
	}
	client, err := e.client()
	if err != nil {
		return err
	}
	return e.bulk(names, "approved", func(name string) error {
		request, err := csr.Get(ctx, client.Certificates, name)
		if err != nil {
			return err
		}
		if o.uid != "" && request.UID != o.uid {
			return fmt.Errorf("request %s: %w: its UID is %s, not %s", name, csr.ErrReplaced, request.UID, o.uid)
		}
		switch {
		case slices.Contains(request.Conditions, string(certificatesv1.CertificateApproved)):
			return nil
		case slices.Contains(request.Conditions, string(certificatesv1.CertificateDenied)):
			return fmt.Errorf("request %s: %w, which cannot be taken back", name, csr.ErrDenied)
		}
		facts, err := gatherFacts(ctx, client, request)
		if err != nil {
			return err
		}
		if refusals := csr.Refusals(csr.Check(request, facts)); len(refusals) > 0 {
			return &csr.OutsideRulesError{Name: name, Verdicts: refusals}
		}
		return csr.Approve(ctx, client.Certificates, request)
	})
}

// gatherFacts finds out what the rules need to know of the cluster.
func gatherFacts(ctx context.Context, client *apiclient.Client, request csr.Request) (csr.Facts, error) {
	name := request.NodeName()
	if csr.ValidateNodeName(name) != nil {
		return csr.Facts{}, nil // the rules refuse it whatever the facts
	}
	_, err := client.Core.Nodes().Get(ctx, name, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return csr.Facts{}, fmt.Errorf("get node %s: %w", name, err)
	}
	return csr.Facts{NodeExists: err == nil}, nil
}
