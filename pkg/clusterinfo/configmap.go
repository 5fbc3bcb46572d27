package clusterinfo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"k8s.io/cluster-bootstrap/token/api"
	"sigs.k8s.io/yaml"
)

// Errors of reading cluster-info.
var (
	// ErrNotFound means that the cluster has no ConfigMap cluster-info, or
	// that it holds no kubeconfig.
	ErrNotFound = errors.New("the cluster has no cluster-info")
	// ErrAnonymous means that anonymous requests may not read cluster-info.
	ErrAnonymous = errors.New("cluster-info may not be read without credentials")
)

// Info is the ConfigMap cluster-info, as it stands.
type Info struct {
	// Raw is the exact text of its kubeconfig.
	Raw []byte
	// Signatures are its signatures by token ID.
	Signatures map[string]string
	// UID is that of the ConfigMap, which tells clusters apart that say the same.
	UID string

	size int // of all but the signatures that counts against the limit of a ConfigMap
}

// TokenIDs returns the IDs of the tokens that cluster-info is signed with, in
// order.
func (i Info) TokenIDs() []string { return slices.Sorted(maps.Keys(i.Signatures)) }

// signatureSize is that of the signature of any token.
const signatureSize = 85

// Capacity returns how many signing tokens cluster-info has room for: a ConfigMap
// holds 1 MiB, and past that the signer signs with no new token.
func (i Info) Capacity() int {
	return max(0, (corev1.MaxSecretSize-i.size)/signatureSize)
}

// Fetch reads cluster-info. It returns an error that matches ErrNotFound when
// there is none.
//
// Access: get on the configmap cluster-info in kube-public.
func Fetch(ctx context.Context, client corev1client.ConfigMapsGetter) (Info, error) {
	cm, err := get(ctx, client)
	if err != nil {
		return Info{}, err
	}
	return read(cm)
}

// FetchDocument reads cluster-info and the kubeconfig in it. It returns Fetch's and
// ParseDocument's errors.
//
// Access: get on the configmap cluster-info in kube-public.
func FetchDocument(ctx context.Context, client corev1client.ConfigMapsGetter) (Info, Document, error) {
	info, err := Fetch(ctx, client)
	if err != nil {
		return info, Document{}, err
	}
	document, err := ParseDocument(info.Raw)
	return info, document, err
}

// get returns the ConfigMap itself.
func get(ctx context.Context, client corev1client.ConfigMapsGetter) (*corev1.ConfigMap, error) {
	cm, err := client.ConfigMaps(metav1.NamespacePublic).Get(ctx, api.ConfigMapClusterInfo, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("configmap kube-public/cluster-info: %w", ErrNotFound)
	case err != nil:
		return nil, fmt.Errorf("get configmap kube-public/cluster-info: %w", err)
	}
	return cm, nil
}

func read(cm *corev1.ConfigMap) (Info, error) {
	info := Info{Raw: []byte(cm.Data[api.KubeConfigKey]), Signatures: map[string]string{}, UID: string(cm.UID)}
	for _, value := range cm.BinaryData {
		info.size += len(value)
	}
	for key, value := range cm.Data {
		if id, ok := strings.CutPrefix(key, api.JWSSignatureKeyPrefix); ok {
			info.Signatures[id] = value
		} else {
			info.size += len(value)
		}
	}
	if len(info.Raw) == 0 {
		return info, fmt.Errorf("configmap kube-public/cluster-info: %w: it holds no kubeconfig", ErrNotFound)
	}
	return info, nil
}

// ParseFile reads what someone kept of cluster-info: the whole ConfigMap, in
// YAML or JSON, or just the text of its kubeconfig, which has no signatures.
func ParseFile(text []byte) (Info, error) {
	var cm corev1.ConfigMap
	if err := yaml.Unmarshal(text, &cm); err == nil && cm.Kind == "ConfigMap" {
		return read(&cm)
	}
	return Info{Raw: text}, nil
}
