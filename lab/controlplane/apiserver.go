package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/spf13/pflag"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"

	"github.com/bootctl/bootctl/internal/lab"
	"github.com/bootctl/bootctl/lab/pki"
)

// apiserverFlags are kubeadm's, but for addresses, etcd, and what needs a
// kubelet or an aggregated API server.
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
		// No pod will ever ask for the address of the kubernetes service, and
		// a loopback address is not valid as its endpoint.
		"--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none",
	}
}

// newAPIServer returns a function that serves on the listener until its
// context ends.
func newAPIServer(ctx context.Context, p pki.Dir, l net.Listener) (func(context.Context) error, error) {
	s := options.NewServerRunOptions()
	registry, err := newRegistry()
	if err != nil {
		return nil, err
	}
	s.GenericServerRunOptions.ComponentGlobalsRegistry = registry
	fs := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	for _, set := range s.Flags().FlagSets {
		fs.AddFlagSet(set)
	}
	if err := fs.Parse(apiserverFlags(p)); err != nil {
		return nil, err
	}
	s.SecureServing.Listener = l
	s.SecureServing.BindPort = l.Addr().(*net.TCPAddr).Port // listen made it
	if err := registry.Set(); err != nil {
		return nil, err
	}
	completed, err := s.Complete(ctx)
	if err != nil {
		return nil, err
	}
	if errs := completed.Validate(); len(errs) > 0 {
		return nil, fmt.Errorf("configure kube-apiserver: %w", errors.Join(errs...))
	}
	return func(ctx context.Context) error { return app.Run(ctx, completed) }, nil
}
