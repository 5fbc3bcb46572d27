package main

import (
	"fmt"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/pkg/doctor"
	"github.com/bootctl/bootctl/pkg/setup"
)

// doctorProbeOptions say whether to probe, and what goes with that: what nodes shall
// be able to do, and whom to trust where that is not the CA of the kubeconfig.
type doctorProbeOptions struct {
	probe bool
	rbac  rbacOptions
	trust trustOptions
}

func (o *doctorProbeOptions) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&o.probe, "probe", false, "make a token and a request, follow them to a certificate, and remove both")
}

// prober returns the probe that the administrator of config makes with client.
func (o doctorProbeOptions) prober(e *env, config *rest.Config, client *apiclient.Client) (doctor.Probe, error) {
	if o.trust.unsafeSkip {
		return doctor.Probe{}, fmt.Errorf("%w: --probe sends a token, so it takes a CA or a pin, and not --unsafe-skip-ca-verification", errInput)
	}
	trust, err := o.trust.believe(e, nil)
	if err != nil {
		return doctor.Probe{}, err
	}
	if !o.trust.given() {
		if trust.CAs, err = kubeconfigCAs(config); err != nil {
			return doctor.Probe{}, err
		}
	}
	return doctor.Probe{
		Core: client.Core, Certificates: client.Certificates, Authorization: client.Authorization,
		Trust: trust, Group: o.rbac.group, Approval: setup.Approval(o.rbac.autoApprove), Random: e.random, Step: e.progress,
	}, nil
}
