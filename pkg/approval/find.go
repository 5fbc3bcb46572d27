package approval

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	certificatesv1client "k8s.io/client-go/kubernetes/typed/certificates/v1"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/csr"
)

// Reasons why a CSR cannot be selected.
var (
	// ErrAmbiguousCSR means that several CSRs match where one is required.
	ErrAmbiguousCSR = errors.New("several CSRs match; specify one")
	// ErrFingerprintMismatch means that a CSR is for another key.
	ErrFingerprintMismatch = errors.New("the fingerprint does not match the key in the CSR")
)

// Candidates returns the pending CSRs that the filter selects, the oldest first, and
// the conflicts between all CSRs for its signer, selected or not; an empty SignerName
// means csr.KubeletClient. A filter with a node, a fingerprint or a UID selects one CSR;
// see [Find].
//
// Access: list on certificatesigningrequests.
func Candidates(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, filter csr.Filter) ([]csr.Request, Conflicts, error) {
	if filter.Node != "" || filter.Fingerprint != "" || filter.UID != "" {
		request, err := Find(ctx, client, filter)
		return []csr.Request{request}, Conflicts{}, err
	}
	filter.SignerName, filter.Condition = cmp.Or(filter.SignerName, csr.KubeletClient), csr.Pending
	return list(ctx, client, filter)
}

// Find returns the only CSR that the filter selects, whatever its Condition. For a filter
// with a node it is a pending CSR, for csr.KubeletClient if there is no SignerName; without
// a fingerprint, no other pending CSR may be for the same node. For other filters it is the
// pending CSR, or the newest approved one. It returns an error that matches csr.ErrNotFound,
// ErrAmbiguousCSR or ErrFingerprintMismatch, or a *[ConflictError].
//
// Access: list on certificatesigningrequests.
func Find(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, filter csr.Filter) (csr.Request, error) {
	if filter.Node != "" {
		return findOfNode(ctx, client, filter)
	}
	var pending, approved []csr.Request
	filter.Condition = ""
	err := csr.List(ctx, client, filter, func(r csr.Request) error {
		if r.IsPending() {
			pending = append(pending, r)
		} else if r.Is(csr.Approved) {
			approved = append(approved, r)
		}
		return nil
	})
	switch {
	case err != nil:
		return csr.Request{}, err
	case len(pending) > 1:
		return csr.Request{}, fmt.Errorf("%w: %q and %q are two of them", ErrAmbiguousCSR, pending[0].Name, pending[1].Name)
	case len(pending) == 1:
		return pending[0], nil
	case len(approved) > 0:
		return approved[len(approved)-1], nil
	}
	return csr.Request{}, fmt.Errorf("%w is pending", csr.ErrNotFound)
}

func findOfNode(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, filter csr.Filter) (csr.Request, error) {
	filter.SignerName, filter.Condition = cmp.Or(filter.SignerName, csr.KubeletClient), csr.Pending
	requests, conflicts, err := list(ctx, client, csr.Filter{Node: filter.Node, SignerName: filter.SignerName, Condition: csr.Pending})
	i := slices.IndexFunc(requests, filter.Match)
	switch {
	case err != nil:
		return csr.Request{}, err
	case len(requests) == 0:
		return csr.Request{}, fmt.Errorf("node %s: %w for the signer %s is pending", filter.Node, csr.ErrNotFound, filter.SignerName)
	case i < 0 && filter.Fingerprint != "":
		return csr.Request{}, &csr.RequestError{Name: requests[0].Name, Err: ErrFingerprintMismatch}
	case i < 0:
		return csr.Request{}, fmt.Errorf("CSR %s for node %s does not match the other filters: %w", requests[0].Name, filter.Node, csr.ErrNotFound)
	case filter.Fingerprint == "":
		return requests[i], conflicts.check(requests[i])
	}
	return requests[i], nil
}

// FindNewest returns the newest CSR for the filter's Node and its SignerName; an empty
// SignerName means csr.KubeletClient. It returns an error that matches csr.ErrNotFound, or a
// *[ConflictError] if it is pending and other CSRs for the node have another key.
//
// Access: list on certificatesigningrequests.
func FindNewest(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, filter csr.Filter) (csr.Request, error) {
	filter.SignerName = cmp.Or(filter.SignerName, csr.KubeletClient)
	requests, conflicts, err := list(ctx, client, filter)
	if err == nil && len(requests) == 0 {
		err = fmt.Errorf("node %s: %w for the signer %s", filter.Node, csr.ErrNotFound, filter.SignerName)
	}
	if err != nil {
		return csr.Request{}, err
	}
	newest := requests[len(requests)-1]
	if newest.IsPending() {
		err = conflicts.check(newest)
	}
	return newest, err
}

// list returns the CSRs that the filter selects, the oldest first, and the conflicts
// between all CSRs for its signer and node, selected or not.
func list(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, filter csr.Filter) ([]csr.Request, Conflicts, error) {
	var requests []csr.Request
	var conflicts Conflicts
	err := csr.List(ctx, client, csr.Filter{SignerName: filter.SignerName, Node: filter.Node}, func(r csr.Request) error {
		conflicts.Add(r)
		if filter.Match(r) {
			requests = append(requests, r)
		}
		return nil
	})
	slices.SortStableFunc(requests, func(a, b csr.Request) int { return a.Created.Compare(b.Created) })
	return requests, conflicts, err
}

// PendingByToken returns the pending CSRs that were created with the bootstrap tokens
// with these IDs, by ID. CSRs outlive their tokens, and can be approved without them.
//
// Access: list on certificatesigningrequests.
func PendingByToken(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, ids []string) (map[string][]csr.Request, error) {
	pending := map[string][]csr.Request{}
	err := csr.List(ctx, client, csr.Filter{Condition: csr.Pending}, func(r csr.Request) error {
		if i := slices.IndexFunc(ids, func(id string) bool { return r.Username == api.BootstrapUserPrefix+id }); i >= 0 {
			pending[ids[i]] = append(pending[ids[i]], r)
		}
		return nil
	})
	return pending, err
}
