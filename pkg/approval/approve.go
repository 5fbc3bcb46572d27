package approval

import (
	"context"
	"errors"
	"fmt"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	certificatesv1client "k8s.io/client-go/kubernetes/typed/certificates/v1"
	"k8s.io/client-go/util/retry"

	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Reasons why a CSR cannot be approved, denied, or deleted.
var (
	// ErrApproved means that a CSR was approved, which cannot be undone.
	ErrApproved = errors.New("already approved, which cannot be undone")
	// ErrUndecided means that a CSR cannot be deleted before it is denied.
	ErrUndecided = errors.New("neither approved nor denied yet")
)

// Approve approves the CSR that was evaluated, and no other CSR that has since been created
// with its name: the approval has the UID, and the spec of a CSR cannot change. It returns
// an error that matches ErrReplaced or ErrNotFound if that object no longer exists, and
// ErrDenied or ErrFailed if another client decided meanwhile; if it approved the CSR, there
// is no error.
//
// Access: update on certificatesigningrequests/approval, approve on the signer,
// and get on certificatesigningrequests.
func Approve(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, evaluated csr.Request) error {
	return decide(ctx, client, evaluated, certificatesv1.CertificateSigningRequestCondition{
		Type: certificatesv1.CertificateApproved, Reason: "BootctlApprove", Message: "approved with bootctl csr approve",
	})
}

// Denial is the reason for a denial: one word for programs, and a message for people.
type Denial struct{ Reason, Message string }

// Deny denies a CSR permanently: no certificate is issued for its name until the object is
// deleted. It returns the CSR as it was before, which it reads as [csr.Get] does. It returns
// the errors of csr.Get, [CheckAccess] and [Approve], and an error that matches ErrApproved
// if the CSR was approved; there is no error if it was already denied.
//
// Access: get on certificatesigningrequests, update on
// certificatesigningrequests/approval, and approve on the signer.
func Deny(ctx context.Context, client *kubeclient.Client, r csr.Request, why Denial) (csr.Request, error) {
	r, err := csr.Get(ctx, client.Certificates, r)
	if err == nil {
		err = CheckAccess(ctx, client.Authorization, r.SignerName)
	}
	if err == nil {
		err = decide(ctx, client.Certificates, r, certificatesv1.CertificateSigningRequestCondition{
			Type: certificatesv1.CertificateDenied, Reason: why.Reason, Message: why.Message,
		})
	}
	return r, err
}

// decide adds the condition to the CSR. It starts from the object that was evaluated, and
// reads it again if it has changed.
func decide(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, evaluated csr.Request, wanted certificatesv1.CertificateSigningRequestCondition) error {
	wanted.Status = corev1.ConditionTrue
	latest := evaluated
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		current, err := csr.Get(ctx, client, latest)
		if err != nil {
			return err
		}
		if current.UID != evaluated.UID {
			return &csr.RequestError{Name: evaluated.Name, Err: csr.ErrReplaced}
		}
		open, err := undecided(current, wanted.Type)
		if err != nil || !open {
			return err
		}
		changed := current.Stored().DeepCopy()
		changed.Status.Conditions = append(changed.Status.Conditions, wanted)
		latest = csr.Request{Name: evaluated.Name}
		_, err = client.CertificateSigningRequests().UpdateApproval(ctx, evaluated.Name, changed, metav1.UpdateOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return &csr.RequestError{Name: evaluated.Name, Err: csr.ErrNotFound}
		case err != nil:
			return fmt.Errorf("update the approval of CSR %s: %w", evaluated.Name, err)
		}
		return nil
	})
}

// undecided reports whether the decision has not been made yet; it returns an error if
// another decision was made.
func undecided(r csr.Request, wanted certificatesv1.RequestConditionType) (bool, error) {
	state := r.State()
	approved := state == nil || errors.Is(state, csr.ErrUnsigned)
	switch {
	case errors.Is(state, csr.ErrPending):
		return true, nil
	case wanted == certificatesv1.CertificateApproved && approved,
		wanted == certificatesv1.CertificateDenied && errors.Is(state, csr.ErrDenied):
		return false, nil
	case wanted == certificatesv1.CertificateDenied && approved:
		return false, &csr.RequestError{Name: r.Name, Err: ErrApproved}
	}
	return false, state
}

// Delete removes a CSR that was approved, denied or failed, so that it can be submitted
// again. It returns the CSR as it was, which it reads as [csr.Get] does, and the errors of
// csr.Get, or an error that matches ErrUndecided.
//
// Access: get and delete on certificatesigningrequests.
func Delete(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, r csr.Request) (csr.Request, error) {
	r, err := csr.Get(ctx, client, r)
	switch {
	case err != nil:
		return r, err
	case r.IsPending():
		return r, &csr.RequestError{Name: r.Name, Err: ErrUndecided}
	}
	return r, csr.DeleteOwn(ctx, client, r)
}
