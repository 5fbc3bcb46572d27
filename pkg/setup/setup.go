package setup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"
	rbacv1client "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// ErrDiffers means that an object with the name exists and grants something different.
var ErrDiffers = errors.New("it exists and differs from what setup creates")

// DiffersError lists the objects that differ, and how. It matches ErrDiffers.
type DiffersError struct{ Differences []string }

func (e *DiffersError) Error() string { return strings.Join(e.Differences, "; ") }

// Unwrap returns ErrDiffers.
func (e *DiffersError) Unwrap() error { return ErrDiffers }

// Action is what was done with an object, or would be done without a dry run.
type Action string

// The actions.
const (
	Created   Action = "created"
	Updated   Action = "updated"
	Signed    Action = "signed" // cluster-info, of which only the signatures changed
	Unchanged Action = "unchanged"
	Deleted   Action = "deleted"
	Kept      Action = "kept"    // setup did not create it, or it is still needed
	Skipped   Action = "skipped" // it is optional, and the other objects existed
	// differs ends a plan, so no returned result has it.
	differs Action = "differs"
)

// Result is what was done with an object.
type Result struct {
	// Object is the object; for cluster-info it has only the name.
	Object
	Action Action
	// Message explains how an updated object differed, or why an object was kept or
	// skipped.
	Message string
}

// difference describes an object that differs.
func (r Result) difference() string { return fmt.Sprintf("%s: %v: %s", r, ErrDiffers, r.Message) }

// Setup prepares a cluster, and reverts that. It is safe to run several concurrently.
type Setup struct {
	RBAC          rbacv1client.RbacV1Interface
	Core          clusterinfo.Client
	Authorization authorizationv1client.SelfSubjectAccessReviewsGetter
	// Now is the clock for expirations.
	Now func() time.Time
	// Objects are the result of the function Objects.
	Objects []Object
	// Document returns the kubeconfig for cluster-info. It is not called if Keep is set
	// and the existing one is valid for nodes.
	Document func() ([]byte, error)
	Keep     bool
	// Force overwrites objects that differ.
	Force bool
	// DryRun changes nothing; the API server still validates each change.
	DryRun bool
}

// Apply creates missing objects, and leaves objects alone that grant the same. It changes
// nothing if an object differs and Force is not set, which is a *DiffersError, or if the
// caller lacks a permission, which is an [*kubeclient.MissingPermissionError].
//
// Access: get, create, update and delete on roles and rolebindings in
// kube-public, and on clusterroles and clusterrolebindings; every permission that the
// objects grant, or bind and escalate; and the access of clusterinfo.Writer.
func (s Setup) Apply(ctx context.Context) ([]Result, error) {
	return s.run(ctx, s.changes, s.planClusterInfo)
}

// Remove deletes those objects that have the label of setup, and cluster-info if setup
// created it and no objects of another group are left.
//
// Access: get and delete on the objects and on the configmap cluster-info, and
// list on roles in kube-public.
func (s Setup) Remove(ctx context.Context) ([]Result, error) {
	return s.run(ctx, s.removals, s.planRemovalOfClusterInfo)
}

// step is one change, or no change if do is nil.
type step struct {
	result Result
	// state is the state of an RBAC object; it is empty for cluster-info.
	state State
	// do makes the change or, in a dry run, lets the API server validate it.
	do func(ctx context.Context, state State, dryRun []string) error
}

// run plans, lets the API server validate every change, and only then makes the changes.
// If another client has changed something in the meantime, it starts again.
func (s Setup) run(ctx context.Context, objects func([]State) []step, info func(context.Context) ([]step, error)) ([]Result, error) {
	done := map[string]Result{}
	var results []Result
	backoff := wait.Backoff{Steps: 10, Duration: 20 * time.Millisecond, Factor: 1.5, Jitter: 1}
	err := retry.OnError(backoff, isConflict, func() error {
		steps, err := s.plan(ctx, objects, info)
		if err != nil {
			return err
		}
		if err := preflight(ctx, steps); err != nil {
			return err
		}
		results = nil
		for _, step := range steps {
			r := step.result
			if step.do != nil && !s.DryRun {
				if err := step.do(ctx, step.state, nil); err != nil {
					return fmt.Errorf("%s: %w", r, err)
				}
				done[r.String()] = r
			} else if before, ok := done[r.String()]; ok {
				r = before
			}
			results = append(results, r)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// isConflict reports whether another client made a change first.
func isConflict(err error) bool {
	return kubeclient.IsConflict(err) || (apierrors.IsNotFound(err) && !errors.Is(err, clusterinfo.ErrNotFound))
}

// plan reads everything, and returns the steps for the objects and for cluster-info. It
// reports all missing read permissions together, and all differences together.
func (s Setup) plan(ctx context.Context, objects func([]State) []step, info func(context.Context) ([]step, error)) ([]step, error) {
	var missing missingPermissions
	states, err := Inspect(ctx, s.RBAC, s.Objects)
	if err := missing.note(err); err != nil {
		return nil, err
	}
	ofInfo, err := info(ctx)
	if err := missing.note(err); err != nil {
		return nil, err
	}
	if err := missing.err(); err != nil {
		return nil, err
	}
	steps := append(objects(states), ofInfo...)
	var differences []string
	for _, step := range steps {
		if step.result.Action == differs {
			differences = append(differences, step.result.difference())
		}
	}
	if len(differences) > 0 {
		return nil, &DiffersError{differences}
	}
	return steps, nil
}

// preflight lets the API server validate every change without making it.
func preflight(ctx context.Context, steps []step) error {
	var missing missingPermissions
	for _, step := range steps {
		if step.do == nil {
			continue
		}
		if err := missing.note(step.do(ctx, step.state, []string{metav1.DryRunAll})); err != nil && !dryRunUnsupported(err) {
			return fmt.Errorf("%s: %w", step.result, err)
		}
	}
	return missing.err()
}

// dryRunUnsupported reports whether an admission webhook rejects dry runs.
func dryRunUnsupported(err error) bool {
	return apierrors.IsBadRequest(err) && strings.Contains(err.Error(), "dry run")
}

// Manifests returns the objects that setup creates, for tools that apply manifests:
// cluster-info is last and has no signatures. It does not contact a server.
func Manifests(objects []Object, document []byte) []any {
	var all []any
	for _, o := range objects {
		if !o.Unwanted {
			all = append(all, o.Manifest())
		}
	}
	return append(all, &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: newObjectMeta(metav1.NamespacePublic, api.ConfigMapClusterInfo),
		Data:       map[string]string{api.KubeConfigKey: string(document)},
	})
}
