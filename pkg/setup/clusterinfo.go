package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

// clusterInfo is a result for cluster-info.
func clusterInfo(action Action, message string) Result {
	return Result{Object{Kind: "ConfigMap", Namespace: metav1.NamespacePublic, Name: api.ConfigMapClusterInfo}, action, message}
}

// planClusterInfo returns the steps to publish cluster-info.
func (s Setup) planClusterInfo(ctx context.Context) ([]step, error) {
	document, err := s.document(ctx)
	if err != nil {
		return nil, err
	}
	writer := clusterinfo.Writer{Client: s.Core, Now: s.Now, Labels: map[string]string{Label: LabelValue}, PlanOnly: true}
	change, err := writer.Publish(ctx, document)
	if err != nil {
		return nil, err
	}
	result := s.resultOf(change)
	if result.Action == Unchanged || result.Action == differs {
		return []step{{result: result}}, nil
	}
	writer.PlanOnly, writer.Confirm = false, func(now clusterinfo.Change) error { // another client may have published in the meantime
		if result := s.resultOf(now); result.Action == differs {
			return &DiffersError{[]string{result.difference()}}
		}
		return nil
	}
	return []step{{result: result, do: func(ctx context.Context, _ State, dryRun []string) error {
		writer.DryRun = dryRun
		_, err := writer.Publish(ctx, document)
		return err
	}}}, nil
}

// resultOf returns the result of a change to cluster-info; its action is differs if the
// change needs Force.
func (s Setup) resultOf(change clusterinfo.Change) Result {
	switch {
	case change.Creates:
		return clusterInfo(Created, "")
	case change.IsEmpty():
		return clusterInfo(Unchanged, "")
	case !change.ChangesDocument():
		return clusterInfo(Signed, "")
	case !s.Force:
		return clusterInfo(differs, documentDifference(change))
	}
	return clusterInfo(Updated, documentDifference(change))
}

// document returns the kubeconfig to publish: the existing one, byte for byte, if it is
// equivalent.
func (s Setup) document(ctx context.Context) ([]byte, error) {
	info, current, invalid := clusterinfo.FetchDocument(ctx, s.Core)
	switch {
	case invalid == nil && s.Keep:
		return info.Raw, nil
	case invalid != nil && !errors.Is(invalid, clusterinfo.ErrNotFound) && !errors.Is(invalid, clusterinfo.ErrDocument):
		return nil, invalid
	}
	document, err := s.Document()
	if err != nil {
		return nil, err
	}
	wanted, err := clusterinfo.ParseDocument(document)
	if err == nil && invalid == nil && current.Equivalent(wanted) {
		return info.Raw, nil
	}
	return document, err
}

// documentDifference describes how the published kubeconfig differs from the wanted one.
func documentDifference(change clusterinfo.Change) string {
	if change.Before == nil {
		return "it has no kubeconfig"
	}
	before, err := clusterinfo.ParseDocument(change.Before)
	if err != nil {
		return err.Error()
	}
	after, _ := clusterinfo.ParseDocument(change.After) // Publish has accepted it
	if before.Server != after.Server {
		return fmt.Sprintf("it has the address %s instead of %s", before.Server.URL(), after.Server.URL())
	}
	return fmt.Sprintf("it has the CA %s instead of %s", clusterinfo.Pins(before.CAs), clusterinfo.Pins(after.CAs))
}

// planRemovalOfClusterInfo returns the steps to delete cluster-info if setup created it
// and no other group needs it.
func (s Setup) planRemovalOfClusterInfo(ctx context.Context) ([]step, error) {
	configMaps := s.Core.ConfigMaps(metav1.NamespacePublic)
	found, err := configMaps.Get(ctx, api.ConfigMapClusterInfo, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get configmap kube-public/cluster-info: %w", err)
	case found.Labels[Label] != LabelValue:
		return []step{{result: clusterInfo(Kept, "setup did not create it")}}, nil
	}
	roles, err := s.RBAC.Roles(metav1.NamespacePublic).List(ctx, metav1.ListOptions{LabelSelector: Label + "=" + LabelValue})
	if err != nil {
		return nil, fmt.Errorf("list roles in kube-public: %w", err)
	}
	isOther := func(role rbacv1.Role) bool {
		return !slices.ContainsFunc(s.Objects, func(o Object) bool { return o.Kind == "Role" && o.Name == role.Name })
	}
	if needed := slices.IndexFunc(roles.Items, isOther); needed >= 0 {
		return []step{{result: clusterInfo(Kept, "nodes of another group need it: "+roles.Items[needed].Name)}}, nil
	}
	return []step{{result: clusterInfo(Deleted, ""), do: func(ctx context.Context, _ State, dryRun []string) error {
		return configMaps.Delete(ctx, found.Name, metav1.DeleteOptions{DryRun: dryRun, Preconditions: preconditionsFor(found.ObjectMeta)})
	}}}, nil
}
