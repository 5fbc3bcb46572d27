package kubeclient

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"
)

// EachItem calls do with each object that list returns, page by page, until do returns
// an error. It holds at most a few pages in memory.
func EachItem[L, T runtime.Object](
	ctx context.Context, list func(context.Context, metav1.ListOptions) (L, error), opts metav1.ListOptions, do func(T) error,
) error {
	pages := pager.New(func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) { return list(ctx, opts) })
	// Larger pages are not faster, and smaller pages need more requests.
	pages.PageSize, pages.PageBufferSize = 1000, 2
	return pages.EachListItem(ctx, opts, func(object runtime.Object) error {
		if item, ok := object.(T); ok {
			return do(item)
		}
		return nil
	})
}
