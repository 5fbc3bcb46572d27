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

// Why a request cannot be decided on, or deleted.
var (
	// ErrApproved means that a request was approved, which cannot be taken back.
	ErrApproved = errors.New("approved already, which cannot be taken back")
	// ErrUndecided means that a request is not to be deleted before it is denied.
	ErrUndecided = errors.New("nobody has decided on it")
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
	return decide(ctx, client, judged, certificatesv1.CertificateSigningRequestCondition{
		Type: certificatesv1.CertificateApproved, Reason: "BootctlApprove", Message: "approved with bootctl csr approve",
	})
}

// Denial is why a request is denied: in one word for programs, and for people.
type Denial struct{ Reason, Message string }

// Deny denies a request, for good: there will be no certificate under its name until
// the object is deleted. It returns the request as it was before, which it reads as
// [csr.Get] does. The errors are those of that, of [CheckAccess] and of [Approve], and one
// that matches ErrApproved when it is too late; there is none when it was denied
// already.
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

// decide adds the condition to the request. It starts from the object as it was
// judged, and reads it anew when that has changed.
func decide(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, judged csr.Request, wanted certificatesv1.CertificateSigningRequestCondition) error {
	wanted.Status = corev1.ConditionTrue
	latest := judged
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		current, err := csr.Get(ctx, client, latest)
		if err != nil {
			return err
		}
		if current.UID != judged.UID {
			return &csr.RequestError{Name: judged.Name, Err: csr.ErrReplaced}
		}
		open, err := undecided(current, wanted.Type)
		if err != nil || !open {
			return err
		}
		changed := current.Stored().DeepCopy()
		changed.Status.Conditions = append(changed.Status.Conditions, wanted)
		latest = csr.Request{Name: judged.Name}
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

// Delete removes a request that was decided on, so that the same one can be made
// again. It returns the request as it was, which it reads as [csr.Get] does, and the
// errors of that, or one that matches ErrUndecided.
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
