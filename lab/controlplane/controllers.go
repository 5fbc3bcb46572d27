package controlplane

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/controller-manager/pkg/clientbuilder"
	"k8s.io/controller-manager/pkg/healthz"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/config"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"

	"github.com/bootctl/bootctl/lab/pki"
)

// controllerManagerFlags are kubeadm's, as far as these controllers heed them.
func controllerManagerFlags(p pki.Dir, kubeconfig string, controllers []string) []string {
	return []string{
		"--controllers=" + strings.Join(controllers, ","),
		"--kubeconfig=" + kubeconfig,
		"--use-service-account-credentials=true",
		"--cluster-signing-cert-file=" + p.File("ca.crt"),
		"--cluster-signing-key-file=" + p.File("ca.key"),
		"--leader-elect=false",
		"--secure-port=0",
		// The defaults sign ten requests a second.
		"--kube-api-qps=1000",
		"--kube-api-burst=2000",
	}
}

func newControllerManager(ctx context.Context, p pki.Dir, kubeconfig string, controllers []string) (*config.CompletedConfig, error) {
	o, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return nil, err
	}
	fs := pflag.NewFlagSet("kube-controller-manager", pflag.ContinueOnError)
	known, off, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
	for _, set := range o.Flags(known, off, aliases).FlagSets {
		fs.AddFlagSet(set)
	}
	if len(controllers) == 0 {
		controllers = []string{"-*"} // an empty list means the default ones
	}
	if err := fs.Parse(controllerManagerFlags(p, kubeconfig, controllers)); err != nil {
		return nil, err
	}
	if err := o.ComponentGlobalsRegistry.Set(); err != nil {
		return nil, err
	}
	c, err := o.Config(ctx, known, off, aliases)
	if err != nil {
		return nil, fmt.Errorf("configure kube-controller-manager: %w", err)
	}
	return c.Complete(), nil
}

// runControllers runs the configured controllers until ctx ends, and calls
// synced when they see the cluster's state. It does what
// kube-controller-manager's own Run does, except that it can tell when they
// have, and that it builds no other controllers.
func runControllers(ctx context.Context, c *config.CompletedConfig, synced func()) error {
	root := clientbuilder.SimpleControllerClientBuilder{ClientConfig: c.Kubeconfig}
	perController := clientbuilder.NewDynamicClientBuilder(
		rest.AnonymousClientConfig(c.Kubeconfig), c.Client.CoreV1(), metav1.NamespaceSystem)
	shared, err := app.CreateControllerContext(ctx, c, root, perController)
	if err != nil {
		return err
	}
	descriptors := app.NewControllerDescriptors()
	maps.DeleteFunc(descriptors, func(_ string, d *app.ControllerDescriptor) bool {
		return !shared.IsControllerEnabled(d)
	})
	controllers, err := app.BuildControllers(ctx, shared, descriptors, nil, healthz.NewMutableHealthzHandler())
	if err != nil {
		return err
	}
	shared.InformerFactory.Start(ctx.Done())
	defer shared.InformerFactory.Shutdown()
	close(shared.InformersStarted)
	for kind, ok := range shared.InformerFactory.WaitForCacheSync(ctx.Done()) {
		if !ok {
			return fmt.Errorf("list all %s: %w", kind, context.Cause(ctx))
		}
	}
	synced()
	if len(controllers) == 0 {
		<-ctx.Done()
		return nil
	}
	if !app.RunControllers(ctx, shared, controllers, 0, c.ControllerShutdownTimeout) {
		return fmt.Errorf("controllers still run after %s", c.ControllerShutdownTimeout)
	}
	return nil
}
