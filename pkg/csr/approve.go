package csr

import (
	"context"
	"errors"
	"fmt"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	certificatesv1client "k8s.io/client-go/kubernetes/typed/certificates/v1"
	"k8s.io/client-go/tools/pager"
	"k8s.io/client-go/util/retry"
)

// approvalReason is the reason in the condition that Approve adds.
const approvalReason = "BootctlApprove"

// List calls yield with every request, page by page, until it returns an error.
//
// Access: list on certificatesigningrequests.
func List(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, yield func(Request) error) error {
	pages := pager.New(func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
		return client.CertificateSigningRequests().List(ctx, opts)
	})
	err := pages.EachListItem(ctx, metav1.ListOptions{}, func(object runtime.Object) error {
		if request, ok := object.(*certificatesv1.CertificateSigningRequest); ok {
			return yield(Decode(request))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list requests: %w", err)
	}
	return nil
}

// Get returns the request, or an error that matches ErrNotFound.
//
// Access: get on certificatesigningrequests.
func Get(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, name string) (Request, error) {
	object, err := get(ctx, client.CertificateSigningRequests(), name)
	if err != nil {
		return Request{}, err
	}
	return Decode(object), nil
}

// Approve approves the request that was judged, and no other that has come to
// bear its name: the UID goes with the approval, and since what a request asks
// for cannot change, the UID stands for its content. It returns an error that
// matches ErrReplaced or ErrNotFound when that object is gone, and ErrDenied or
// ErrFailed when someone else decided meanwhile; if they approved it, all is well.
//
// Access: update on certificatesigningrequests/approval, and approve on the
// signer.
func Approve(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, judged Request) error {
	requests := client.CertificateSigningRequests()
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		object, err := get(ctx, requests, judged.Name)
		if err != nil {
			return err
		}
		if string(object.UID) != judged.UID {
			return fmt.Errorf("request %s: %w", judged.Name, ErrReplaced)
		}
		_, state := (waiter{name: judged.Name}).judge(object)
		switch {
		case state == nil, errors.Is(state, ErrUnsigned): // someone else approved it meanwhile
			return nil
		case !errors.Is(state, ErrPending):
			return state
		}
		object.Status.Conditions = append(object.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{
			Type:    certificatesv1.CertificateApproved,
			Status:  corev1.ConditionTrue,
			Reason:  approvalReason,
			Message: "approved with bootctl csr approve",
		})
		_, err = requests.UpdateApproval(ctx, judged.Name, object, metav1.UpdateOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return fmt.Errorf("request %s: %w", judged.Name, ErrNotFound)
		case err != nil:
			return fmt.Errorf("approve request %s: %w", judged.Name, err)
		}
		return nil
	})
}
