package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

// clusterInfo is what is said of cluster-info.
func clusterInfo(action Action, why string) Result {
	return Result{Kind: "ConfigMap", Namespace: metav1.NamespacePublic, Name: api.ConfigMapClusterInfo, Action: action, Why: why}
}

// errPlanOnly ends a write of cluster-info that is only looked at.
var errPlanOnly = errors.New("only looked at")

// planClusterInfo says what it takes to have nodes told of the cluster. It returns
// a *DiffersError when they are told otherwise.
func (s Setup) planClusterInfo(ctx context.Context) (step, error) {
	document, err := s.document(ctx)
	if err != nil {
		return step{}, err
	}
	change, err := s.writer(func(clusterinfo.Change) error { return errPlanOnly }).Publish(ctx, document)
	if err != nil && !errors.Is(err, errPlanOnly) {
		return step{}, s.lacking(err)
	}
	result := clusterInfo(Created, "")
	switch {
	case change.IsEmpty() && !change.Creates:
		return step{result: clusterInfo(Unchanged, "")}, nil
	case change.Creates:
	case !change.ChangesDocument():
		result.Action = Signed
	case !s.Force:
		return step{}, differsError(change)
	default:
		result = clusterInfo(Updated, documentDifference(change))
	}
	return step{result, func(ctx context.Context, dryRun bool) error {
		writer := s.writer(s.unlessOther)
		writer.DryRun = dryRun
		_, err := writer.Publish(ctx, document)
		return err
	}}, nil
}

func (s Setup) writer(confirm func(clusterinfo.Change) error) clusterinfo.Writer {
	return clusterinfo.Writer{Client: s.Core, Now: s.Now, Labels: map[string]string{Label: LabelValue}, Confirm: confirm}
}

// unlessOther refuses to change what someone else has published meanwhile.
func (s Setup) unlessOther(change clusterinfo.Change) error {
	if !change.Creates && change.ChangesDocument() && !s.Force {
		return differsError(change)
	}
	return nil
}

func differsError(change clusterinfo.Change) error {
	o := clusterInfo("", "")
	return &DiffersError{[]string{fmt.Sprintf("%s: %v: %s", named(o.Kind, o.Namespace, o.Name), ErrDiffers, documentDifference(change))}}
}

// lacking makes an [*kubeclient.MissingPermissionError] of an error that is a missing right.
func (s Setup) lacking(err error) error {
	var missing rights
	if err := missing.note(err); err != nil {
		return err
	}
	return missing.err()
}

// document returns what nodes shall be told: what they are told already, word for
// word, where that is the same.
func (s Setup) document(ctx context.Context) ([]byte, error) {
	info, err := clusterinfo.Fetch(ctx, s.Core)
	if err != nil && !errors.Is(err, clusterinfo.ErrNotFound) {
		return nil, s.lacking(err)
	}
	current, invalid := clusterinfo.ParseDocument(info.Raw)
	if invalid == nil && s.Keep {
		return info.Raw, nil
	}
	document, err := s.Document()
	if err != nil {
		return nil, err
	}
	wanted, err := clusterinfo.ParseDocument(document)
	if err != nil {
		return nil, err
	}
	if invalid == nil && current.Equivalent(wanted) {
		return info.Raw, nil
	}
	return document, nil
}

// documentDifference says how nodes are told otherwise than they shall be.
func documentDifference(change clusterinfo.Change) string {
	if change.Before == nil {
		return "it has no kubeconfig"
	}
	before, err := clusterinfo.ParseDocument(change.Before)
	if err != nil {
		return err.Error()
	}
	after, err := clusterinfo.ParseDocument(change.After)
	if err != nil {
		return err.Error()
	}
	if before.Server != after.Server {
		return fmt.Sprintf("it has the address %s, and lacks %s", before.Server.URL(), after.Server.URL())
	}
	return fmt.Sprintf("it has the CA %s, and lacks %s", clusterinfo.Pins(before.CAs), clusterinfo.Pins(after.CAs))
}

// planRemoval says what it takes to have nothing left of what setup created.
func (s Setup) planRemoval(ctx context.Context) ([]step, error) {
	states, err := Inspect(ctx, s.RBAC, s.Objects)
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, state := range slices.Backward(states) { // bindings before their roles
		o := state.Object
		result := Result{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}
		switch {
		case !state.Exists:
		case !state.Ours:
			result.Action, result.Why = Kept, "setup did not create it"
			steps = append(steps, step{result: result})
		default:
			result.Action = Deleted
			steps = append(steps, step{result, func(ctx context.Context, dryRun bool) error {
				return storeOf(s.RBAC, o).remove(ctx, state.meta, dryRunOf(dryRun))
			}})
		}
	}
	info, err := s.planRemovalOfClusterInfo(ctx)
	if err != nil {
		return nil, s.lacking(err)
	}
	return append(steps, info...), nil
}

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
	needed, err := s.neededBy(ctx)
	if err != nil {
		return nil, err
	}
	if needed != "" {
		return []step{{result: clusterInfo(Kept, "nodes of another group need it: "+needed)}}, nil
	}
	return []step{{clusterInfo(Deleted, ""), func(ctx context.Context, dryRun bool) error {
		return configMaps.Delete(ctx, found.Name, metav1.DeleteOptions{DryRun: dryRunOf(dryRun), Preconditions: preconditionsFor(found.ObjectMeta)})
	}}}, nil
}

// neededBy names a role by which nodes of another group read cluster-info.
func (s Setup) neededBy(ctx context.Context) (string, error) {
	roles, err := s.RBAC.Roles(metav1.NamespacePublic).List(ctx, metav1.ListOptions{LabelSelector: Label + "=" + LabelValue})
	if err != nil {
		return "", fmt.Errorf("list roles in kube-public: %w", err)
	}
	for _, role := range roles.Items {
		if !slices.ContainsFunc(s.Objects, func(o Object) bool { return o.Kind == "Role" && o.Name == role.Name }) {
			return role.Name, nil
		}
	}
	return "", nil
}
