package controlplane

import (
	"context"
	"errors"
	"net"

	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"

	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/lab/pki"
)

const apiserverName = "kube-apiserver"

// apiserverFlags are kubeadm's flags, except for addresses, etcd, kubelets and
// aggregated API servers.
func apiserverFlags(p pki.Dir) []string {
	return []string{
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--enable-bootstrap-token-auth=true",
		"--allow-privileged=true",
		"--client-ca-file=" + p.File("ca.crt"),
		"--tls-cert-file=" + p.File("apiserver.crt"),
		"--tls-private-key-file=" + p.File("apiserver.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + p.File("sa.key"),
		"--service-account-signing-key-file=" + p.File("sa.key"),
		"--service-cluster-ip-range=10.96.0.0/12",
		"--etcd-servers=unix://" + lab.EtcdSocket,
		"--bind-address=127.0.0.1",
		// No pod uses the address of the kubernetes Service, and a loopback
		// address is not valid as its endpoint.
		"--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none",
	}
}

// apiserverOptions returns the lab's options, changed by the given flags.
func apiserverOptions(p pki.Dir, args []string) (*options.ServerRunOptions, error) {
	s := options.NewServerRunOptions()
	registry, err := newRegistry()
	if err != nil {
		return nil, err
	}
	s.GenericServerRunOptions.ComponentGlobalsRegistry = registry
	return s, parseFlags(apiserverName, s.Flags(), apiserverFlags(p), args)
}

// newAPIServer returns a function that serves on the listener until its
// context is done.
func newAPIServer(ctx context.Context, s *options.ServerRunOptions, l net.Listener) (func(context.Context) error, error) {
	s.SecureServing.Listener = l
	s.SecureServing.BindPort = l.Addr().(*net.TCPAddr).Port // listen created it
	if err := s.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return nil, &FlagError{apiserverName, err}
	}
	completed, err := s.Complete(ctx)
	if err != nil {
		return nil, &FlagError{apiserverName, err}
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return nil, &FlagError{apiserverName, errors.Join(errs...)}
	}
	return func(ctx context.Context) error { return app.Run(ctx, completed) }, nil
}
