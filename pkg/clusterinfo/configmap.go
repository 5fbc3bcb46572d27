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
	// ErrNotFound means that the cluster has no ConfigMap cluster-info, or that the
	// ConfigMap contains no kubeconfig.
	ErrNotFound = errors.New("the cluster has no cluster-info")
	// ErrAnonymous means that anonymous requests are not allowed to read cluster-info.
	ErrAnonymous = errors.New("anonymous requests are not allowed to read cluster-info")
)

// Info is the content of the ConfigMap cluster-info.
type Info struct {
	// Raw is the exact text of its kubeconfig.
	Raw []byte
	// Signatures are its signatures by token ID.
	Signatures map[string]string
	// UID is the ConfigMap's UID, which distinguishes clusters with equal content.
	UID string

	size int // of everything except the signatures that counts toward the size limit
}

// TokenIDs returns the IDs of the tokens that cluster-info is signed with, in order.
func (i Info) TokenIDs() []string { return slices.Sorted(maps.Keys(i.Signatures)) }

// signatureSize is the size of a token's signature.
const signatureSize = 85

// Capacity returns how many signing tokens cluster-info has room for: a ConfigMap
// holds 1 MiB, and the bootstrap signer adds no signature beyond that.
func (i Info) Capacity() int {
	return max(0, (corev1.MaxSecretSize-i.size)/signatureSize)
}

// Fetch reads cluster-info. It returns an error that matches ErrNotFound if it is
// missing.
//
// Access: get on the configmap cluster-info in kube-public.
func Fetch(ctx context.Context, client corev1client.ConfigMapsGetter) (Info, error) {
	cm, err := get(ctx, client)
	if err != nil {
		return Info{}, err
	}
	return read(cm)
}

// FetchDocument reads cluster-info and parses its kubeconfig. It returns the errors of
// Fetch and ParseDocument.
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

// get returns the ConfigMap.
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
		return info, fmt.Errorf("configmap kube-public/cluster-info: %w: it contains no kubeconfig", ErrNotFound)
	}
	return info, nil
}

// ParseFile reads a saved cluster-info: either the ConfigMap, in YAML or JSON, or only
// the text of its kubeconfig, which has no signatures.
func ParseFile(text []byte) (Info, error) {
	var cm corev1.ConfigMap
	if err := yaml.Unmarshal(text, &cm); err == nil && cm.Kind == "ConfigMap" {
		return read(&cm)
	}
	return Info{Raw: text}, nil
}
