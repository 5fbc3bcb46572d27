package controlplane

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/bootctl/bootctl/internal/lab"
)

// startLimit is sufficient for the slowest machines; a start takes seconds.
const startLimit = 2 * time.Minute

// awaitAPI waits until the API server is ready, which includes its default RBAC
// rules, and has created the namespaces that bootstrapping needs. No other server
// can respond, because this process owns the listener.
func (s *server) awaitAPI(ctx context.Context, api *component) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	config, err := clientcmd.BuildConfigFromFlags("", lab.KubeconfigFile)
	if err != nil {
		return err
	}
	config.QPS = -1 // no throttle
	client, err := corev1client.NewForConfig(config)
	if err != nil {
		return err
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		last := probe(ctx, client)
		if last == nil {
			return nil
		}
		select {
		case err := <-api.ended:
			return err
		case <-ctx.Done():
			return fmt.Errorf("wait for kube-apiserver: %w: %w", ctx.Err(), last)
		case <-tick.C:
		}
	}
}

func probe(ctx context.Context, client corev1client.CoreV1Interface) error {
	if err := client.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error(); err != nil {
		return err
	}
	for _, name := range []string{metav1.NamespaceSystem, metav1.NamespacePublic} {
		if _, err := client.Namespaces().Get(ctx, name, metav1.GetOptions{}); err != nil {
			return err
		}
	}
	return nil
}
