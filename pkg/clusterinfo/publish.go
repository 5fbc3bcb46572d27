package clusterinfo

import (
	"context"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/token"
)

// Client is what Publish needs of the API.
type Client interface {
	corev1client.ConfigMapsGetter
	corev1client.SecretsGetter
}

// Publish makes document the kubeconfig in cluster-info and signs it with every
// live signing token, in one conditional write, so that no reader sees a
// kubeconfig without its signatures. What else the ConfigMap holds is kept. It
// returns whether anything changed.
//
// Access: get, create and update on configmaps in kube-public; list on secrets
// in kube-system.
func Publish(ctx context.Context, client Client, document []byte, now time.Time) (changed bool, err error) {
	if _, err := ParseDocument(document); err != nil {
		return false, err
	}
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		changed, err = publish(ctx, client, document, now)
		return err
	})
	return changed, err
}

func publish(ctx context.Context, client Client, document []byte, now time.Time) (bool, error) {
	tokens, err := token.List(ctx, client)
	if err != nil {
		return false, err
	}
	configMaps := client.ConfigMaps(metav1.NamespacePublic)
	old, err := configMaps.Get(ctx, api.ConfigMapClusterInfo, metav1.GetOptions{})
	absent := apierrors.IsNotFound(err)
	if err != nil && !absent {
		return false, fmt.Errorf("get configmap kube-public/cluster-info: %w", err)
	}
	if absent {
		old = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: api.ConfigMapClusterInfo, Namespace: metav1.NamespacePublic}}
	}
	wanted := old.DeepCopy()
	wanted.Data = signed(old.Data, document, tokens, now)
	switch {
	case absent:
		_, err = configMaps.Create(ctx, wanted, metav1.CreateOptions{})
	case maps.Equal(old.Data, wanted.Data):
		return false, nil
	default:
		_, err = configMaps.Update(ctx, wanted, metav1.UpdateOptions{})
	}
	if apierrors.IsAlreadyExists(err) { // someone else created it meanwhile
		err = apierrors.NewConflict(corev1.Resource("configmaps"), api.ConfigMapClusterInfo, err)
	}
	if err != nil {
		return false, fmt.Errorf("write configmap kube-public/cluster-info: %w", err)
	}
	return true, nil
}

// signed returns data with document and its signatures in it.
func signed(data map[string]string, document []byte, tokens []token.Info, now time.Time) map[string]string {
	out := maps.Clone(data)
	if out == nil {
		out = map[string]string{}
	}
	out[api.KubeConfigKey] = string(document)
	for _, info := range tokens {
		if info.Signs(now) {
			out[api.JWSSignatureKeyPrefix+info.ID] = Sign(document, info.Token)
		}
	}
	return out
}
