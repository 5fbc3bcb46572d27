package controlplane

import (
	"context"
	"fmt"
	"maps"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/controller-manager/pkg/clientbuilder"
	"k8s.io/controller-manager/pkg/healthz"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/config"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"

	"github.com/bootctl/bootctl/lab/pki"
)

const controllerManagerName = "kube-controller-manager"

// controllerManagerFlags are kubeadm's flags that these controllers use.
func controllerManagerFlags(p pki.Dir, controllers []string) []string {
	return []string{
		"--controllers=" + strings.Join(controllers, ","),
		"--kubeconfig=" + p.File("controller-manager.kubeconfig"),
		"--use-service-account-credentials=true",
		"--cluster-signing-cert-file=" + p.File("ca.crt"),
		"--cluster-signing-key-file=" + p.File("ca.key"),
		"--leader-elect=false",
		"--secure-port=0",
		// With the defaults, the signer signs ten CSRs a second.
		"--kube-api-qps=1000",
		"--kube-api-burst=2000",
	}
}

// controllerManagerOptions returns the lab's options, changed by the given flags.
func controllerManagerOptions(p pki.Dir, controllers, args []string) (*options.KubeControllerManagerOptions, error) {
	o, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return nil, err
	}
	if len(controllers) == 0 {
		controllers = []string{"-*"} // an empty list selects the default controllers
	}
	sets := o.Flags(app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases())
	return o, parseFlags(controllerManagerName, sets, controllerManagerFlags(p, controllers), args)
}

func newControllerManager(ctx context.Context, o *options.KubeControllerManagerOptions) (*config.CompletedConfig, error) {
	if err := o.ComponentGlobalsRegistry.Set(); err != nil {
		return nil, &FlagError{controllerManagerName, err}
	}
	c, err := o.Config(ctx, app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases())
	if err != nil {
		return nil, &FlagError{controllerManagerName, err}
	}
	return c.Complete(), nil
}

// runControllers runs the configured controllers until ctx is done, and calls
// synced when their caches are synced. It does the same as
// kube-controller-manager's own Run, except that it reports when the caches are
// synced and builds no other controllers.
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
		return fmt.Errorf("controllers are still running after %s", c.ControllerShutdownTimeout)
	}
	return nil
}
