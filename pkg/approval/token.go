package approval

import (
	"context"
	"slices"

	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"
	certificatesv1client "k8s.io/client-go/kubernetes/typed/certificates/v1"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/csr"
)

// PendingByToken returns the pending CSRs that were created with the bootstrap tokens
// of these IDs, by ID. They outlive their tokens, and can be approved without them.
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

// DenyAfterToken denies a CSR whose bootstrap token was deleted. It returns an
// [*kubeclient.MissingPermissionError] when the caller may not, and the errors of
// Deny.
//
// Access: that of CheckAccess and of Deny.
func DenyAfterToken(ctx context.Context, certificates certificatesv1client.CertificateSigningRequestsGetter, authorization authorizationv1client.SelfSubjectAccessReviewsGetter, r csr.Request) error {
	if err := CheckAccess(ctx, authorization, r.SignerName); err != nil {
		return err
	}
	return Deny(ctx, certificates, r, "TokenDeleted", "the bootstrap token that it was made with was deleted")
}
