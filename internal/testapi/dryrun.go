// Package testapi makes the fake clients of tests behave more like an API server.
package testapi

import (
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// HonorDryRun makes the client process dry runs without storing anything, which a fake
// client does not do by default. Reactors that are prepended later come first.
func HonorDryRun(client *fake.Clientset) {
	client.PrependReactor("*", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		resource := action.GetResource()
		exists := func(name string) bool {
			_, err := client.Tracker().Get(resource, action.GetNamespace(), name)
			return err == nil
		}
		switch a := action.(type) {
		case clienttesting.CreateActionImpl:
			object, err := meta.Accessor(a.Object)
			if !IsDryRun(action) || err != nil {
				return false, nil, err
			}
			if exists(object.GetName()) {
				return true, nil, apierrors.NewAlreadyExists(resource.GroupResource(), object.GetName())
			}
			return true, a.Object, nil
		case clienttesting.UpdateActionImpl:
			return IsDryRun(action), a.Object, nil
		case clienttesting.DeleteActionImpl:
			if IsDryRun(action) && !exists(a.Name) {
				return true, nil, apierrors.NewNotFound(resource.GroupResource(), a.Name)
			}
			return IsDryRun(action), nil, nil
		}
		return false, nil, nil
	})
}

// IsDryRun reports whether the action is a dry run.
func IsDryRun(action clienttesting.Action) bool {
	var dryRun []string
	switch a := action.(type) {
	case clienttesting.CreateActionImpl:
		dryRun = a.CreateOptions.DryRun
	case clienttesting.UpdateActionImpl:
		dryRun = a.UpdateOptions.DryRun
	case clienttesting.DeleteActionImpl:
		dryRun = a.DeleteOptions.DryRun
	}
	return slices.Contains(dryRun, metav1.DryRunAll)
}
