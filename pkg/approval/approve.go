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
)

// Why a request cannot be decided on, or deleted.
var (
	// ErrApproved means that a request was approved, which cannot be taken back.
	ErrApproved = errors.New("approved already, which cannot be taken back")
	// ErrUndecided means that a request is not to be deleted before it is denied.
	ErrUndecided = errors.New("nobody has decided on it")
)

// Reason and message of the condition that Approve adds.
const (
	approvalReason  = "BootctlApprove"
	approvalMessage = "approved with bootctl csr approve"
)

// Approve approves the request that was judged, and no other that has come to
// bear its name: the UID goes with the approval, and since what a request asks
// for cannot change, the UID stands for its content. It returns an error that
// matches ErrReplaced or ErrNotFound when that object is gone, and ErrDenied or
// ErrFailed when someone else decided meanwhile; if they approved it, all is well.
//
// Access: update on certificatesigningrequests/approval, approve on the signer,
// and get on certificatesigningrequests.
func Approve(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, judged csr.Request) error {
	return decide(ctx, client, judged, condition(certificatesv1.CertificateApproved, approvalReason, approvalMessage))
}

// Deny denies the request that was judged, for good: there will be no certificate
// under its name until the object is deleted. The errors and the access are
// those of Approve; it returns one that matches ErrApproved when it is too late,
// and nil when it was denied already.
func Deny(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, judged csr.Request, reason, message string) error {
	return decide(ctx, client, judged, condition(certificatesv1.CertificateDenied, reason, message))
}

func condition(kind certificatesv1.RequestConditionType, reason, message string) certificatesv1.CertificateSigningRequestCondition {
	return certificatesv1.CertificateSigningRequestCondition{Type: kind, Status: corev1.ConditionTrue, Reason: reason, Message: message}
}

// decide adds the condition to the request. It starts from the object as it was
// judged, and reads it anew when that has changed.
func decide(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, judged csr.Request, wanted certificatesv1.CertificateSigningRequestCondition) error {
	object := judged.Stored()
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if object == nil {
			current, err := csr.Get(ctx, client, judged.Name)
			if err != nil {
				return err
			}
			object = current.Stored()
		}
		if string(object.UID) != judged.UID {
			return &csr.RequestError{Name: judged.Name, Err: csr.ErrReplaced}
		}
		open, err := undecided(object, wanted.Type)
		if err != nil || !open {
			return err
		}
		changed := object.DeepCopy()
		changed.Status.Conditions = append(changed.Status.Conditions, wanted)
		object = nil
		_, err = client.CertificateSigningRequests().UpdateApproval(ctx, judged.Name, changed, metav1.UpdateOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return &csr.RequestError{Name: judged.Name, Err: csr.ErrNotFound}
		case err != nil:
			return fmt.Errorf("decide on request %s: %w", judged.Name, err)
		}
		return nil
	})
}

// undecided says whether the wanted decision is still to be made; an error says
// that another one was.
func undecided(object *certificatesv1.CertificateSigningRequest, wanted certificatesv1.RequestConditionType) (bool, error) {
	state := csr.Decode(object).State()
	approved := state == nil || errors.Is(state, csr.ErrUnsigned)
	switch {
	case errors.Is(state, csr.ErrPending):
		return true, nil
	case wanted == certificatesv1.CertificateApproved && approved:
		return false, nil
	case wanted == certificatesv1.CertificateDenied && approved:
		return false, &csr.RequestError{Name: object.Name, Err: ErrApproved}
	case wanted == certificatesv1.CertificateDenied && errors.Is(state, csr.ErrDenied):
		return false, nil
	}
	return false, state
}

// Delete removes the request that was judged, once it has been decided on, so
// that the same request can be made again. It returns an error that matches
// ErrUndecided, ErrReplaced or ErrNotFound.
//
// Access: delete on certificatesigningrequests.
func Delete(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, judged csr.Request) error {
	if judged.IsPending() {
		return &csr.RequestError{Name: judged.Name, Err: ErrUndecided}
	}
	return csr.DeleteOwn(ctx, client, judged)
}
