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

// ErrDiffers means that an object of the name exists and is another one.
var ErrDiffers = errors.New("it exists already and is not what setup makes")

// DiffersError names the objects that differ, and how. It matches ErrDiffers.
type DiffersError struct{ Differences []string }

func (e *DiffersError) Error() string { return strings.Join(e.Differences, "; ") }

// Unwrap returns ErrDiffers.
func (e *DiffersError) Unwrap() error { return ErrDiffers }

// Action is what was done about an object, or in a dry run would be.
type Action string

// The actions.
const (
	Created   Action = "created"
	Updated   Action = "updated"
	Signed    Action = "signed" // cluster-info, whose signatures alone were not right
	Unchanged Action = "unchanged"
	Deleted   Action = "deleted"
	Kept      Action = "kept"    // since setup did not make it, or it is needed
	Skipped   Action = "skipped" // optional, and the other objects existed
	// differs ends a plan, so it is in no result that is returned.
	differs Action = "differs"
)

// Result says what was done about an object.
type Result struct {
	// Object is the one; of cluster-info it has nothing but the name.
	Object
	Action Action
	// Message says in words how an updated object differed, or why one was kept or left
	// out.
	Message string
}

// difference is what is said of an object that differs.
func (r Result) difference() string { return fmt.Sprintf("%s: %v: %s", r, ErrDiffers, r.Message) }

// Setup prepares a cluster, and takes that back. Several at a time do no harm.
type Setup struct {
	RBAC          rbacv1client.RbacV1Interface
	Core          clusterinfo.Client
	Authorization authorizationv1client.SelfSubjectAccessReviewsGetter
	// Now is the clock that tokens expire by.
	Now func() time.Time
	// Objects are those of Objects.
	Objects []Object
	// Document returns the kubeconfig for cluster-info. It is not called where
	// Keep says that one which is there is right, and a node would take it.
	Document func() ([]byte, error)
	Keep     bool
	// Force makes what differs as it should be.
	Force bool
	// DryRun changes nothing; the API server judges each change all the same.
	DryRun bool
}

// Apply creates what is absent, and leaves alone what is there and grants the
// same. It changes nothing when something is there and differs, which is then a
// *DiffersError, unless Force is set; nor when the caller lacks a right, which is
// an [*kubeclient.MissingPermissionError].
//
// Access: get, create, update and delete on roles and rolebindings in
// kube-public, and on clusterroles and clusterrolebindings; every right that the
// objects grant, or bind and escalate; and what clusterinfo.Writer takes.
func (s Setup) Apply(ctx context.Context) ([]Result, error) {
	return s.run(ctx, s.changes, s.planClusterInfo)
}

// Remove deletes those of the objects that setup created, as their label says,
// and cluster-info where it created that and no other group's objects are left.
//
// Access: get and delete on the objects and on the configmap cluster-info, and
// list on roles in kube-public.
func (s Setup) Remove(ctx context.Context) ([]Result, error) {
	return s.run(ctx, s.removals, s.planRemovalOfClusterInfo)
}

// step is one change, or none where do is nil.
type step struct {
	result Result
	// state is how an RBAC object stands; of cluster-info it is empty.
	state State
	// do makes the change, or in a dry run lets the API server judge it.
	do func(ctx context.Context, state State, dryRun []string) error
}

// run plans, lets the API server judge every change, and only then makes them.
// When someone else changed something meanwhile, it starts again.
func (s Setup) run(ctx context.Context, objects func([]State) []step, info func(context.Context) ([]step, error)) ([]Result, error) {
	done := map[string]Result{}
	var results []Result
	backoff := wait.Backoff{Steps: 10, Duration: 20 * time.Millisecond, Factor: 1.5, Jitter: 1}
	err := retry.OnError(backoff, isConflict, func() error {
		steps, err := s.plan(ctx, objects, info)
		if err != nil {
			return err
		}
		if err := rehearse(ctx, steps); err != nil {
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

// isConflict says whether someone else made a change first.
func isConflict(err error) bool {
	return kubeclient.IsConflict(err) || (apierrors.IsNotFound(err) && !errors.Is(err, clusterinfo.ErrNotFound))
}

// plan looks at everything, and returns the steps about the objects and about
// cluster-info. Whatever the caller may not look at is told at once, and so is all
// that differs.
func (s Setup) plan(ctx context.Context, objects func([]State) []step, info func(context.Context) ([]step, error)) ([]step, error) {
	var missing rights
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

// rehearse lets the API server judge every change without making it.
func rehearse(ctx context.Context, steps []step) error {
	var missing rights
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

// dryRunUnsupported says whether an admission webhook does not judge dry runs.
func dryRunUnsupported(err error) bool {
	return apierrors.IsBadRequest(err) && strings.Contains(err.Error(), "dry run")
}

// Manifests returns what setup creates, cluster-info last and without signatures,
// for tools that bring manifests into a cluster. It asks no server.
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
