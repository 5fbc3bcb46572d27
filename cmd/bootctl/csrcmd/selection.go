package csrcmd

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validate/content"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
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

func (o csrFilterOptions) filter(now time.Time) (csr.Filter, error) {
	filter := csr.Filter{SignerName: o.signer, Requester: o.requester, RequesterGroup: o.requesterGroup, Node: o.node}
	if o.pending {
		filter.Condition = csr.Pending
	}
	if o.node != "" {
		if err := csr.ValidateNodeName(o.node); err != nil {
			return csr.Filter{}, err
		}
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

// requestNames returns the names in the arguments, each once, or an error unless
// each could be the name of a request.
func requestNames(arguments []string) ([]string, error) {
	seen := map[string]bool{}
	var once []string
	for _, text := range arguments {
		name, err := cmdutil.CSRResource.Argument(text)
		if err != nil {
			return nil, err
		}
		if problems := content.IsPathSegmentName(name); name == "" || len(problems) > 0 {
			return nil, fmt.Errorf("%w: %q is not the name of a request", failure.ErrUsage, name)
		}
		if !seen[name] {
			seen[name] = true
			once = append(once, name)
		}
	}
	return once, nil
}

// oneRequest returns the name in the arguments, or none where a node is named
// instead.
func oneRequest(arguments []string, node string) ([]string, error) {
	switch {
	case len(arguments) > 1 || (len(arguments) == 1) == (node != ""):
		return nil, fmt.Errorf("%w: give the name of one request, or --node", failure.ErrUsage)
	case node != "":
		return nil, csr.ValidateNodeName(node)
	}
	return requestNames(arguments)
}

// getRequest reads the request of that name and, unless uid is empty, UID.
func getRequest(ctx context.Context, client *kubeclient.Client, name, uid string) (csr.Request, error) {
	request, err := csr.Get(ctx, client.Certificates, name)
	if err == nil && uid != "" && request.UID != uid {
		err = &csr.RequestError{Name: name, Err: fmt.Errorf("%w: its UID is %s, not %s", csr.ErrReplaced, request.UID, uid)}
	}
	return request, err
}

// pendingRequests returns the pending requests that the filter fits, the oldest
// first, and knows the rivals of each, which the filter need not fit.
func pendingRequests(ctx context.Context, client *kubeclient.Client, filter csr.Filter) ([]csr.Request, approval.Conflicts, error) {
	var requests []csr.Request
	var rivals approval.Conflicts
	filter.Condition = csr.Pending
	err := csr.List(ctx, client.Certificates, csr.Filter{SignerName: filter.SignerName}, func(r csr.Request) error {
		rivals.Add(r)
		if filter.Match(r) {
			requests = append(requests, r)
		}
		return nil
	})
	slices.SortStableFunc(requests, func(a, b csr.Request) int { return a.Created.Compare(b.Created) })
	return requests, rivals, err
}

// requestOfNode returns the one pending request of a node: the one for the key,
// where the filter has a fingerprint, else the only one.
func requestOfNode(ctx context.Context, client *kubeclient.Client, filter csr.Filter) (csr.Request, error) {
	ofNode := csr.Filter{Node: filter.Node, SignerName: filter.SignerName, Condition: csr.Pending}
	requests, rivals, err := pendingRequests(ctx, client, ofNode)
	if err != nil {
		return csr.Request{}, err
	}
	if len(requests) == 0 {
		return csr.Request{}, fmt.Errorf("node %s: %w that is pending", filter.Node, csr.ErrNotFound)
	}
	meant := slices.DeleteFunc(slices.Clone(requests), func(r csr.Request) bool { return !filter.Match(r) })
	if len(meant) == 0 {
		return csr.Request{}, fmt.Errorf("request %s of node %s: %w", requests[0].Name, filter.Node, errOtherRequest(filter))
	}
	if others := rivals.Of(meant[0]); len(others) > 0 && filter.Fingerprint == "" {
		return csr.Request{}, &approval.ConflictError{Name: meant[0].Name, NodeName: filter.Node, Others: others}
	}
	return meant[0], nil
}

// errOtherRequest says why none of the requests of a node is the one that is meant.
func errOtherRequest(filter csr.Filter) error {
	if filter.Fingerprint != "" {
		return failure.ErrFingerprintMismatch
	}
	return fmt.Errorf("the other filters do not fit it: %w", csr.ErrNotFound)
}

// gatherFacts finds out what the rules need to know of the cluster.
func gatherFacts(ctx context.Context, client *kubeclient.Client, request csr.Request, signer string) (approval.Facts, error) {
	facts := approval.Facts{Signer: signer}
	if request.SignerName == csr.APIServerClient && request.PKCS10 != nil {
		var err error
		facts.Privilege, err = approval.CertificateAdminPermission(ctx, client.Authorization, request)
		return facts, err
	}
	name := request.NodeName()
	if csr.ValidateNodeName(name) != nil {
		return facts, nil // the rules refuse it whatever the facts
	}
	node, err := client.Core.Nodes().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return facts, nil
	}
	if err != nil {
		return facts, fmt.Errorf("get node %s: %w", name, err)
	}
	facts.NodeExists, facts.NodeAddresses = true, addresses(node)
	return facts, nil
}

func addresses(node *corev1.Node) []string {
	var all []string
	for _, address := range node.Status.Addresses {
		all = append(all, address.Address)
	}
	return all
}

func verdictsOf(verdicts []approval.RuleResult) []output.Verdict {
	out := make([]output.Verdict, len(verdicts))
	for i, v := range verdicts {
		out[i] = output.Verdict{Rule: v.Rule, OK: v.OK, Detail: v.Detail, Absolute: v.Absolute}
	}
	return out
}
