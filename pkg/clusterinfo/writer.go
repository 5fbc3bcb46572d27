package clusterinfo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// Client is what a Writer needs of the API.
type Client interface {
	corev1client.ConfigMapsGetter
	corev1client.SecretsGetter
}

// Writer writes cluster-info. Each write is one request, on condition that
// nobody wrote meanwhile, and puts in the signatures that the bootstrap signer
// would: no reader sees a kubeconfig without them, and the signer finds nothing
// left to do. What else the ConfigMap holds is kept.
//
// Access: get, create and update on configmaps in kube-public; list on secrets
// in kube-system.
type Writer struct {
	Client Client
	// Now is the clock that tokens expire by.
	Now func() time.Time
	// Confirm is asked before a change is made, and again when the cluster
	// has become another meanwhile, so that the change is, too. Its error ends
	// the write. nil means yes.
	Confirm func(Change) error
	// Labels are put on a ConfigMap that is created.
	Labels map[string]string
	// PlanOnly ends before Confirm is asked and anything is written.
	PlanOnly bool
	// DryRun is that of the write: with metav1.DryRunAll in it, the API server judges the
	// write without storing it.
	DryRun []string
}

// Change is what a write changes. The zero value is no change.
type Change struct {
	// Written says that the API server took it.
	Written bool
	// Creates says that there was no ConfigMap.
	Creates bool
	// Before and After are the kubeconfig; Before is nil where there is none.
	Before, After []byte
	// Added, Replaced and Removed are the IDs of signatures, in order.
	Added, Replaced, Removed []string
}

// IsEmpty says whether nothing changes.
func (c Change) IsEmpty() bool {
	return !c.ChangesDocument() && len(c.Added)+len(c.Replaced)+len(c.Removed) == 0
}

// ChangesDocument says whether the kubeconfig itself changes.
func (c Change) ChangesDocument() bool { return !bytes.Equal(c.Before, c.After) }

// Publish makes document the kubeconfig in cluster-info, signed with every live
// signing token. It returns an error that matches ErrDocument when a node would
// not take the document.
func (w Writer) Publish(ctx context.Context, document []byte) (Change, error) {
	if _, err := ParseDocument(document); err != nil {
		return Change{}, err
	}
	return w.write(ctx, document)
}

// Sign signs the kubeconfig that stands in cluster-info with every live signing
// token, as the bootstrap signer does. It returns an error that matches
// ErrNotFound when there is none.
func (w Writer) Sign(ctx context.Context) (Change, error) {
	return w.write(ctx, nil)
}

// write makes document the kubeconfig; nil means the one that stands there.
func (w Writer) write(ctx context.Context, document []byte) (Change, error) {
	var change, confirmed Change
	backoff := wait.Backoff{Steps: 50, Duration: 20 * time.Millisecond, Factor: 1.1, Jitter: 1} // half a minute
	err := retry.OnError(backoff, kubeclient.IsConflict, func() error {
		wanted, planned, err := w.plan(ctx, document)
		if err != nil {
			return err
		}
		change = planned
		if change.IsEmpty() || w.PlanOnly {
			return nil
		}
		if w.Confirm != nil && !reflect.DeepEqual(change, confirmed) {
			if err := w.Confirm(change); err != nil {
				return err
			}
			confirmed = change
		}
		err = w.store(ctx, change.Creates, wanted)
		change.Written = err == nil
		return err
	})
	return change, err
}

// plan returns cluster-info as it shall be, and what that changes. The tokens are read after it: one whose signature is already there cannot
// be missed, and one that is signed later makes the write a conflict.
func (w Writer) plan(ctx context.Context, document []byte) (*corev1.ConfigMap, Change, error) {
	old, err := get(ctx, w.Client)
	isAbsent := errors.Is(err, ErrNotFound)
	switch {
	case isAbsent:
		old = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: api.ConfigMapClusterInfo, Namespace: metav1.NamespacePublic, Labels: w.Labels}}
	case err != nil:
		return nil, Change{}, err
	}
	wanted := old.DeepCopy()
	if document == nil {
		document = []byte(wanted.Data[api.KubeConfigKey])
	}
	if len(document) == 0 {
		return nil, Change{}, fmt.Errorf("configmap kube-public/cluster-info: %w", ErrNotFound)
	}
	tokens, err := token.List(ctx, w.Client)
	if err != nil {
		return nil, Change{}, err
	}
	wanted.Data = signed(wanted.Data, document, tokens, w.Now())
	change := changeOf(old, wanted)
	change.Creates = isAbsent
	return wanted, change, nil
}

// signed returns data with document and just the signatures that belong to it.
func signed(data map[string]string, document []byte, tokens []token.Info, now time.Time) map[string]string {
	out := map[string]string{api.KubeConfigKey: string(document)}
	for key, value := range data {
		if key != api.KubeConfigKey && !strings.HasPrefix(key, api.JWSSignatureKeyPrefix) {
			out[key] = value
		}
	}
	for _, info := range tokens {
		if info.Signs(now) {
			out[api.JWSSignatureKeyPrefix+info.ID] = Sign(document, info.Token)
		}
	}
	return out
}

// store creates or updates cluster-info.
func (w Writer) store(ctx context.Context, absent bool, wanted *corev1.ConfigMap) error {
	configMaps := w.Client.ConfigMaps(metav1.NamespacePublic)
	var err error
	if absent {
		_, err = configMaps.Create(ctx, wanted, metav1.CreateOptions{DryRun: w.DryRun})
	} else {
		_, err = configMaps.Update(ctx, wanted, metav1.UpdateOptions{DryRun: w.DryRun})
	}
	if err != nil {
		return fmt.Errorf("write configmap kube-public/cluster-info: %w", err)
	}
	return nil
}

// changeOf compares cluster-info as it is and as it shall be.
func changeOf(old, wanted *corev1.ConfigMap) Change {
	c := Change{After: []byte(wanted.Data[api.KubeConfigKey])}
	if text, ok := old.Data[api.KubeConfigKey]; ok {
		c.Before = []byte(text)
	}
	before, _ := read(old)
	after, _ := read(wanted)
	had, has := sets.KeySet(before.Signatures), sets.KeySet(after.Signatures)
	c.Added, c.Removed = sets.List(has.Difference(had)), sets.List(had.Difference(has))
	for _, id := range sets.List(had.Intersection(has)) {
		if before.Signatures[id] != after.Signatures[id] {
			c.Replaced = append(c.Replaced, id)
		}
	}
	return c
}
