package csr

import (
	"context"
	"fmt"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	certificatesv1client "k8s.io/client-go/kubernetes/typed/certificates/v1"
	"k8s.io/client-go/tools/pager"
)

// List calls yield with every request that the filter fits, page by page, until
// it returns an error. It holds no more than a few pages at a time.
//
// Access: list on certificatesigningrequests.
func List(ctx context.Context, client certificatesv1client.CertificateSigningRequestsGetter, filter Filter, yield func(Request) error) error {
	pages := pager.New(func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
		return client.CertificateSigningRequests().List(ctx, opts)
	})
	pages.PageSize, pages.PageBufferSize = 1000, 2
	err := pages.EachListItem(ctx, filter.listOptions(), func(object runtime.Object) error {
		request, ok := object.(*certificatesv1.CertificateSigningRequest)
		if !ok {
			return nil
		}
		if decoded := Decode(request); filter.Match(decoded) {
			return yield(decoded)
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
