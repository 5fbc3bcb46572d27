package csr

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	certificatesv1client "k8s.io/client-go/kubernetes/typed/certificates/v1"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Filter selects CSRs that match all of its fields. The zero value of a field matches every
// CSR.
type Filter struct {
	// Condition is one of the conditions, such as Pending.
	Condition string
	// SignerName is the signer, Requester the requester's user name, and
	// RequesterGroup one of the requester's groups.
	SignerName, Requester, RequesterGroup string
	// Node is the name of the node that the CSR is for.
	Node string
	// UID is the UID of the object.
	UID string
	// Fingerprint is a result of ParseFingerprint.
	Fingerprint string
	// Before is the latest creation time.
	Before time.Time
}

// Match reports whether the filter selects the CSR.
func (f Filter) Match(r Request) bool {
	switch {
	case f.Condition == Pending && !r.IsPending(), f.Condition != "" && !r.Is(f.Condition):
	case f.SignerName != "" && r.SignerName != f.SignerName:
	case f.Requester != "" && r.Username != f.Requester:
	case f.RequesterGroup != "" && !slices.Contains(r.Groups, f.RequesterGroup):
	case f.Node != "" && r.NodeName() != f.Node:
	case f.UID != "" && r.UID != f.UID:
	case f.Fingerprint != "" && (r.PKCS10 == nil || !strings.HasPrefix(Fingerprint(r.PKCS10.PublicKey), f.Fingerprint)):
	case !f.Before.IsZero() && r.Created.After(f.Before):
	default:
		return true
	}
	return false
}

// List calls yield with every CSR that the filter selects, page by page, until yield returns
// an error. It holds only a few pages at a time.
//
// Access: list on certificatesigningrequests.
func List(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, filter Filter, yield func(Request) error) error {
	var opts metav1.ListOptions
	if filter.SignerName != "" { // the API server can filter by signer
		opts.FieldSelector = fields.OneTermEqualSelector("spec.signerName", filter.SignerName).String()
	}
	err := kubeclient.EachItem(ctx, client.CertificateSigningRequests().List, opts, func(stored *certificatesv1.CertificateSigningRequest) error {
		if request := Decode(stored); filter.Match(request) {
			return yield(request)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list CSRs: %w", err)
	}
	return nil
}
