package kubeclient_test

import (
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Two authentication errors in a row are transient, and the third is final.
func TestTolerateAuthErrors(t *testing.T) {
	unauthorized := apierrors.NewUnauthorized("x")
	forbidden := apierrors.NewForbidden(schema.GroupResource{}, "x", errors.New("x"))
	internal, other := apierrors.NewInternalError(errors.New("x")), errors.New("x")
	tests := []struct {
		name string
		errs []error
		want []bool
	}{
		{"a third refusal", []error{unauthorized, forbidden, unauthorized}, []bool{true, true, false}},
		{"server error in between", []error{unauthorized, unauthorized, internal, unauthorized}, []bool{true, true, true, true}},
		{"other errors", []error{internal, other}, []bool{true, false}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			patient := kubeclient.TolerateAuthErrors(kubeclient.IsTransient)
			for i, err := range test.errs {
				if got := patient(err); got != test.want[i] {
					t.Errorf("error %d: transient = %t, want %t", i, got, test.want[i])
				}
			}
		})
	}
}
